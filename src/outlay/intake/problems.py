"""What is wrong with a row: the field at fault, and in words what to write instead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a row; `field` is its name in the file, '' when the row cannot be read."""

    field: str
    message: str


class FieldError(ValueError):
    """A field's value cannot be used; the text says why."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field and what is wrong with it."""
        super().__init__(f"{field}: {message}" if field else message)
        self.problem = Problem(field, message)
