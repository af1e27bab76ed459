"""Responses that outlive a connection: a log of messages, from which a client continues after it was cut off.

See ``docs/resume.md``.
"""

from streamfsm.resume.log import Cursor, Entry, Log, MemoryLog, events
from streamfsm.resume.redis_log import RedisLog

__all__ = ["Cursor", "Entry", "Log", "MemoryLog", "RedisLog", "events"]
