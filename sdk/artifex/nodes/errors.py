"""Errors of the node-authoring API.

ValueError
 └── ParameterError     a parameter was given a value it does not take
TypeError
 └── DeclarationError   a node class contradicts itself; raised while the class is made
"""


class ParameterError(ValueError):
    """A parameter was given a value it does not take.

    `reason` is the stable word of the graph problem it becomes: "parameter_type" or "parameter_range".
    The message says what was given and what is taken, without naming the parameter.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class DeclarationError(TypeError):
    """A node class contradicts itself: a default out of bounds, two ports of one name, no output…"""
