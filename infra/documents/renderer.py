"""Fills a template: every place from the fields, or an error that names what is missing; the same bytes each time.

Templates run in Jinja's sandbox, since a bank's own folder is not our code. Not for reading aggregates: `desk` does.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Any, NoReturn
from zipfile import BadZipFile

from docx.opc.exceptions import PackageNotFoundError
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError, UndefinedError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engines.primitives.errors import InvalidInput
from infra.documents.catalogue import Template
from infra.documents.chinese import capital_amount, chinese_day, formal_day, grouped_amount
from infra.documents.labels import label
from infra.documents.packages import repacked

LANGUAGE = "zh-CN"
AUTHOR = "Tidemark"


class MissingField(InvalidInput):
    """A template wants what is neither recorded nor entered."""

    code = "missing-field"


def rendered(
    template: Template, fields: Mapping[str, Any], *, aggregate: str, key: str, known_at: datetime, digest: str
) -> bytes:
    """The filled .docx; equal arguments give equal bytes (E10).

    `fields` by name; a field that has no value is absent. `digest` of what the paper says becomes its identifier, and
    `known_at` every date inside.

    Raises:
        MissingField: `facts` name template, field and aggregate.
        InvalidInput: the template is not a Word file or its places cannot be read; a value does not fit its filter.
    """
    place = {"template": template.name, "aggregate": aggregate, "key": key}
    missing = sorted(places_of(template) - fields.keys() - set(template.header.optional))
    if missing:
        _refuse(missing[0], template, place, others=missing[1:])
    with _translated(template, place):
        document = DocxTemplate(BytesIO(template.docx))
        document.render(dict(fields), _environment(), autoescape=True)
        return _finished(document, template, known_at, digest)


def places_of(template: Template) -> frozenset[str]:
    """The names that a template's text uses, those in loops' records not counted. Raises InvalidInput."""
    with _translated(template, {"template": template.name}):
        return _places(template.docx)


@lru_cache(maxsize=64)
def _places(docx: bytes) -> frozenset[str]:
    return frozenset(DocxTemplate(BytesIO(docx)).get_undeclared_template_variables(_environment()))


@contextmanager
def _translated(template: Template, place: Mapping[str, str]) -> Iterator[None]:
    try:
        yield
    except UndefinedError as error:
        _refuse(getattr(error, "field", str(error)), template, place)
    except SecurityError as error:
        raise InvalidInput(f"{template.name} does what a template may not: {error}", **place) from error
    except TemplateError as error:
        raise InvalidInput(f"{template.name} cannot be read: {error}", **place, field="body") from error
    except InvalidInput as error:
        error.facts = {**place, **error.facts}
        raise
    except (BadZipFile, PackageNotFoundError, SyntaxError, ValueError, KeyError, TypeError) as error:
        # What a broken package, broken XML (a SyntaxError of lxml's) and a filter on the wrong kind of value raise.
        raise InvalidInput(f"{template.name} is not a Word file that can be filled: {error}", **place) from error


class Unfilled(StrictUndefined):
    """A place without a value, which must not print as nothing."""

    def _fail_with_undefined_error(self, *args: Any, **kwargs: Any) -> NoReturn:
        error = UndefinedError(self._undefined_message)
        error.field = self._undefined_name  # type: ignore[attr-defined]
        raise error

    __str__ = __iter__ = __len__ = __bool__ = __hash__ = _fail_with_undefined_error
    __eq__ = __ne__ = __contains__ = _fail_with_undefined_error


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(undefined=Unfilled, autoescape=True)
    made.globals.clear()  # no range, no cycler: a template repeats what is recorded and nothing else
    made.filters |= {
        "money": _in_currency(grouped_amount),
        "capital": _in_currency(capital_amount),
        "day": lambda value: chinese_day(str(value)),
        "formal_day": lambda value: formal_day(str(value)),
        "label": lambda value: label(str(value)),
        "listed": lambda values: "、".join(str(value) for value in values),
    }
    return made


def _in_currency(write: Any) -> Any:
    @pass_context
    def filtered(context: Context, value: Any, ccy: str | None = None) -> str:
        return str(write(str(value), ccy or str(context.get("ccy", "CNY"))))

    return filtered


def _refuse(field: str, template: Template, place: Mapping[str, str], others: list[str] | None = None) -> NoReturn:
    asked = template.header.entered.get(field)
    what = f"{field} ({asked})" if asked else field
    more = f"; also missing: {', '.join(others)}" if others else ""
    message = f"{template.name} wants {what}, and {place.get('aggregate')} {place.get('key')} does not say it{more}"
    raise MissingField(message, **place, field=field)


def _finished(document: Any, template: Template, known_at: datetime, digest: str) -> bytes:
    properties = document.docx.core_properties
    properties.title, properties.author, properties.last_modified_by = template.header.title, AUTHOR, AUTHOR
    properties.created = properties.modified = properties.last_printed = known_at.replace(tzinfo=None, microsecond=0)
    properties.identifier, properties.version = digest, str(template.header.version)
    properties.revision, properties.language, properties.comments = 1, LANGUAGE, ""
    made = BytesIO()
    document.save(made)
    return repacked(made.getvalue(), known_at)
