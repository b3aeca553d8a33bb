"""Gymnasium environments of Brain2Model transfer; importing the package registers them."""

from b2m_envs.registration import register_environments

__all__ = ["register_environments"]

register_environments()
