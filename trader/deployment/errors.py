"""What this tool ends with when it does not do what was asked."""


class DeploymentError(Exception):
    """Something was refused or went wrong; `problem` says what, `remedy` what to do next."""

    exit_code = 1

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy


class Refused(DeploymentError):
    """Nothing was changed: the host, the hour or another operator does not allow it."""


class BadInput(DeploymentError):
    """A file or an argument is not what it must be; nothing was changed."""

    exit_code = 2


class StepFailed(DeploymentError):
    """A step of an activation failed; it is undone."""


class Broken(DeploymentError):
    """The host is not in a state this tool leaves behind; a person has to look."""

    exit_code = 5
