"""The ratchets hold for the whole program, and each finds what it is there to find."""

import pytest

from tests.architecture.ratchets import RATCHETS, Module, median_body, program

PROGRAM = program()
LONG_BODY = "\n".join(f"    x = {n}" for n in range(51))


@pytest.mark.parametrize("rule", RATCHETS)
def test_the_program_holds(rule: str) -> None:
    found = [f"{module.path}: {wrong}" for module in PROGRAM for wrong in RATCHETS[rule](module)]
    assert found == []


def test_functions_are_short() -> None:
    assert len(PROGRAM) > 50
    assert median_body(PROGRAM) <= 10


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("long_functions", f"def f() -> None:\n{LONG_BODY}\n"),
        ("long_files", "x = 1\n" * 401),
        ("god_classes", "class C:\n" + "".join(f"    def m{n}(self) -> None: ...\n" for n in range(16))),
        ("blind_excepts", "try:\n    pass\nexcept Exception:\n    pass\n"),
        ("blind_excepts", "try:\n    pass\nexcept (OSError, Exception) as error:\n    pass\n"),
        ("blind_excepts", "try:\n    pass\nexcept:\n    raise\n"),
        ("blind_excepts", "try:\n    pass\nexcept BaseException:\n    pass\n"),
        ("missing_annotations", "def f(x) -> None: ...\n"),
        ("missing_annotations", "async def f(*, x: int): ...\n"),
        ("missing_annotations", "def f(*args, **kwargs: int) -> None: ...\n"),
        ("approvals", "order = admission.ApprovedOrder(1)\n"),
        ("wall_clocks", "now = datetime.datetime.now(UTC)\n"),
        ("wall_clocks", "today = date.today()\n"),
        ("wall_clocks", "start = time.time()\n"),
        ("silencers", "x = 1  # no" + "qa: E501\n"),
        ("silencers", "raise NotImplemented" + "Error\n"),
    ],
)
def test_a_ratchet_finds_what_it_is_there_for(rule: str, text: str) -> None:
    assert list(RATCHETS[rule](Module("trader/modes/sample.py", text))) != []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("long_functions", f'def f() -> None:\n    """{LONG_BODY}"""\n    x = 1\n'),
        ("blind_excepts", "try:\n    pass\nexcept BaseException:\n    undo()\n    raise\n"),
        ("wall_clocks", "start = time.monotonic()\n"),
        ("missing_annotations", "class C:\n    def m(self, x: int) -> None: ...\n"),
    ],
)
def test_a_ratchet_lets_good_code_pass(rule: str, text: str) -> None:
    assert list(RATCHETS[rule](Module("trader/modes/sample.py", text))) == []
