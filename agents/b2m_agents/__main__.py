"""``python -m b2m_agents``: the same as ``b2m-drive``."""

from b2m_agents.commands.app import main

if __name__ == "__main__":
    main()
