"""Brain2Model transfer: human neural activity as the teacher of artificial networks."""

__version__ = "0.6.0"
