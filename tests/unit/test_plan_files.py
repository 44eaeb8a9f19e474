"""Plan files: one plan a day, whole or refused."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.days import DAY, plan
from trader.adapters.plan_files import PlanFiles
from trader.domain.canonical import dumps
from trader.domain.errors import ConfigurationError, InvariantViolated

NAME = "20260316.main.xgb.json"


@pytest.fixture
def files(tmp_path: Path) -> PlanFiles:
    return PlanFiles(tmp_path, "main", "xgb")


def test_a_plan_comes_back_as_it_was_and_may_be_written_again(files: PlanFiles, tmp_path: Path) -> None:
    assert files.read(DAY) is None
    assert files.write(plan()) == files.write(plan()) == str(tmp_path / NAME)
    assert files.read(DAY) == plan()
    assert (tmp_path / NAME).read_text() == dumps(plan()) + "\n"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_another_plan_of_the_day_is_refused_and_changes_nothing(files: PlanFiles) -> None:
    files.write(plan())
    with pytest.raises(InvariantViolated, match="holds another plan"):
        files.write(replace(plan(), data_as_of=date(2026, 3, 12)))
    assert files.read(DAY) == plan()


def test_no_truncation_and_no_reformatting_is_read_as_a_plan(files: PlanFiles, tmp_path: Path) -> None:
    files.write(plan())
    content = (tmp_path / NAME).read_bytes()
    cuts = [content[:length] for length in range(0, len(content), 7)]
    edits = [content[:-1], content + b"\n", content.replace(b",", b", ", 1), content.replace(b'"account"', b'"acount"')]
    for damaged in (*cuts, *edits, b"\xff" + content, content.replace(b"20260316", b"x")[: len(content) // 2]):
        (tmp_path / NAME).write_bytes(damaged)
        with pytest.raises(InvariantViolated, match="is no whole plan"):
            files.read(DAY)


def test_the_plan_of_another_day_under_this_name_is_refused(files: PlanFiles, tmp_path: Path) -> None:
    files.write(replace(plan(), session_date=DAY + timedelta(days=1)))
    (tmp_path / "20260317.main.xgb.json").rename(tmp_path / NAME)
    with pytest.raises(InvariantViolated, match="another day, account or strategy"):
        files.read(DAY)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("")
    with pytest.raises(ConfigurationError, match="plans"):
        PlanFiles(tmp_path / "plans", "main", "xgb").write(plan())
