"""What our models have in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A model that is built when it is first used, because a stream needs few of them (``benchmarks/imports.py``).

    Until then its constructor's signature names no fields.
    """

    model_config = ConfigDict(defer_build=True)
