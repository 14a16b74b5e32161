"""Whatever somebody reads is there in Chinese too."""

import ast
import gettext
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
IN_TEMPLATE = re.compile(r"""{%\s*(?:translate|trans)\s+"([^"]+)"|{%\s*blocktranslate[^%]*%}(.*?){%\s*(?:endblocktranslate|plural)""", re.DOTALL)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def in_python(source: str) -> Iterator[str]:
    """The texts that are marked for translation."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            # Of a plural, the singular is what the catalogue is asked for.
            yield from (each.value for each in node.args[:1] if isinstance(each, ast.Constant) and isinstance(each.value, str))


def in_template(source: str) -> Iterator[str]:
    for literal, block in IN_TEMPLATE.findall(source):
        yield literal or re.sub(r"{{\s*(\w+)[^}]*}}", r"%(\1)s", block)


def marked() -> dict[str, str]:
    """Every text of the product that is marked, and where it stands."""
    found = {}
    for app in ("accounts", "notifications", "realtime"):
        for path in (ROOT / app).rglob("*.py"):
            found |= {text: str(path) for text in in_python(path.read_text())}
        for path in (ROOT / app).rglob("*.html"):
            found |= {text: str(path) for text in in_template(path.read_text())}
    return found


@pytest.fixture(scope="module")
def catalogue() -> dict[str, str]:
    """What Django will look up, by the English text."""
    with (ROOT / "config/locale/zh_Hans/LC_MESSAGES/django.mo").open("rb") as file:
        entries = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key if isinstance(key, str) else key[0]: text for key, text in entries.items() if key}


def test_every_marked_text_is_translated(catalogue):
    missing = {text: place for text, place in marked().items() if text not in catalogue}
    assert missing == {}
    assert len(marked()) > 100


def test_a_translation_names_the_same_values(catalogue):
    wrong = {english: text for english, text in catalogue.items() if set(PLACEHOLDER.findall(english)) != set(PLACEHOLDER.findall(text))}
    assert wrong == {}


def test_the_compiled_catalogue_is_the_written_one(catalogue):
    """No gettext is needed to run or test; who changes the texts compiles them with `manage.py compilemessages`."""
    written = (ROOT / "config/locale/zh_Hans/LC_MESSAGES/django.po").read_text()
    assert "fuzzy" not in written
    texts = re.findall(r'^msgstr(?:\[0\])? "(.+)"$', written, re.MULTILINE)
    assert sorted(ast.literal_eval(f'"{text}"') for text in texts if "\\n" not in text) == sorted(catalogue.values())


def test_a_text_that_is_not_translated_would_be_found():
    assert list(in_python('_("one"); x = ngettext("two", "three", n); print("four")')) == ["one", "two"]
    assert list(in_template('{% translate "one" %}{% blocktranslate %}two {{ n }}{% endblocktranslate %}')) == ["one", "two %(n)s"]


def test_scripts_say_the_same_things_in_both_languages():
    """Each `words.js` has the same names in both, with the same values to be put in, and nobody is shouted at."""
    found = sorted((ROOT / "realtime/static").rglob("words.js"))
    script = "for (const file of process.argv.slice(1)) console.log(JSON.stringify((await import(file)).WORDS));"
    said = subprocess.run(["node", "--input-type=module", "-e", script, "--", *map(str, found)], capture_output=True, text=True, check=True, timeout=60)
    words = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(words) == len(found) >= 2
    for file, each in zip(found, words, strict=True):
        assert list(each) == ["en", "zh-hans"], file
        assert list(each["en"]) == list(each["zh-hans"]), file
        for name, text in each["en"].items():
            texts = [str(text), str(each["zh-hans"][name])]
            assert len({frozenset(re.findall(r"{\w+}", one)) for one in texts}) == 1, f"{file}: {name}"
            assert not re.search("[!！]", "".join(texts)), f"{file}: {name}"
