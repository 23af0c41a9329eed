"""The repository itself: a fresh map, a changelog people can read, nothing of anybody's machine."""

import re
from pathlib import Path

from tests.tidy.tree import ROOT, files, texts
from tools import map as tools_map

_LOCKS = ("package-lock.json",)


def test_the_map_is_fresh() -> None:
    """`make map` writes it."""
    assert tools_map.MAP.read_text() == tools_map.render()


def test_every_decision_record_is_in_the_index_and_has_a_status() -> None:
    """`make map` writes the index."""
    assert tools_map.DECISIONS.read_text() == tools_map.render_decisions()
    status = re.compile(r"^Status: \w+, \d{4}-\d{2}-\d{2}", re.MULTILINE)
    records = tools_map.decision_records()
    assert [path.name for path in records if not status.search(path.read_text())] == []


def test_the_changelog_has_its_shape() -> None:
    """Versions newest first, each with a date; entries are sentences in known sections."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    sections = set(re.findall(r"^### (.+)$", changelog, re.MULTILINE))

    assert versions[0] == "Unreleased"
    released = re.compile(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)")
    assert [version for version in versions[1:] if not released.fullmatch(version)] == []
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_to_do_names_an_issue() -> None:
    marker = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b(?!.*#\d+)")
    loose = [
        f"{name}:{number}"
        for name, text in texts()
        if not name.endswith(_LOCKS) and not name.startswith("tests/tidy/")
        for number, line in enumerate(text.splitlines(), 1)
        if marker.search(line)
    ]
    assert loose == []


def test_nothing_names_a_machine_or_a_registry() -> None:
    """Lock files work with anybody's mirror; no developer's machine is the only one that works."""
    address = re.compile(
        r"https?://[\w.-]+/(simple|packages/[0-9a-f]{2}/|debian/)|registry\.[\w-]+\.\w+/"
        r"|(?<![\w.-])/(?:home/\w+|root|Users/\w+|wor[k]|tmp/\w+)/"
    )
    named = [
        f"{name}:{number}: {match[0]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := address.search(line))
    ]
    assert named == []


def test_every_link_within_the_docs_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
        if not target.startswith(("http://", "https://", "mailto:"))
        if not _leads_somewhere(path, target)
    ]
    assert broken == []


def _leads_somewhere(page: Path, target: str) -> bool:
    return (page.parent / target).exists()
