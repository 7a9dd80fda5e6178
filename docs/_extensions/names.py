"""API pages: public names with their docstrings, a table of them at the top, and links to them from everywhere.

In an `{eval-rst}` block of a page

    .. names:: plackett.losses

       SoftmaxLoss softmax
       SCORERS: what stands for the docstring that a constant has not

documents these names, those of one line side by side in the table, which `.. table-of-names::` puts into its place.
Code in the prose of any page, such as `plackett.train` or `SoftmaxLoss`, is a link where it is one of these names.
"""

import functools
import importlib
import inspect
import re
import sys

from docstrings import inline
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode

import plackett

PACKAGES = (
    *("", "losses", "lambdas", "gains", "metrics", "lists", "data", "scorers", "training", "evaluation"),
    *("evaluation.report", "clicks", "clicks.models", "clicks.propensities", "clicks.off_policy", "distillation"),
    *("boosting", "retrieval", "export", "serving", "distributed"),
)
# What Keras asks of its subclasses, and what all objects with a config have.
OF_KERAS = {"get_config", "from_config", "fn", "curvature", "derivatives", "tree_flatten", "tree_unflatten"}
NO_LINKS = (nodes.reference, nodes.title, addnodes.desc_signature)
ROWS = "rows of the table of names"


class TableOfNames(nodes.General, nodes.Element):
    """The place of the table."""


class TableDirective(Directive):
    """`.. table-of-names::`."""

    def run(self):
        """Marks the place."""
        return [TableOfNames()]


class NamesDirective(SphinxDirective):
    """`.. names:: package`."""

    required_arguments = 1
    has_content = True

    def run(self):
        """The entries of the names, in their order."""
        package = self.arguments[0]
        rows = self.env.current_document.setdefault(ROWS, [])
        lines = []
        for line in self.content:
            names, _, text = line.partition(": ")
            full = [shortest(package, name) for name in names.split()]
            if full:
                rows.append((full, text or first_sentence(full)))
                lines += [each for name in full for each in entry(name, text)]
        source = self.get_source_info()[0]
        found = nodes.container()
        found.document = self.state.document
        self.state.nested_parse(StringList(lines, source), 0, found)
        return found.children


def shortest(package: str, name: str) -> str:
    """The full name, that in `plackett` itself where it has one."""
    thing = get(f"{package}.{name}")
    return f"plackett.{name}" if getattr(plackett, name, None) is thing else f"{package}.{name}"


def entry(name: str, text: str) -> list[str]:
    """A name as reStructuredText."""
    thing = get(name)
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        listed = ", ".join(members(thing))
        return [f".. {kind}:: {name}", *([f"   :members: {listed}"] if listed else []), ""]
    if inspect.isroutine(thing):
        return [f".. autofunction:: {name}", ""]
    module, _, last = name.rpartition(".")
    return [f".. py:data:: {last}", f"   :module: {module}", "", f"   {inline(text)}", ""]


def members(kind: type) -> list[str]:
    """The methods of a class that plackett documents."""
    own = [base for base in kind.__mro__ if base.__module__.startswith("plackett")]
    own = [base for base in own if base is kind or base.__name__.startswith("_")]
    foreign = {name for base in kind.__mro__ if not base.__module__.startswith("plackett") for name in vars(base)}
    found = {}
    for base in own:
        for name, value in vars(base).items():
            value = getattr(value, "__func__", getattr(value, "fget", value))
            public = not name.startswith("_") and name not in OF_KERAS | foreign
            if public and inspect.isroutine(value) and value.__doc__ and hasattr(value, "__code__"):
                found.setdefault(name, None)
    return list(found)


def first_sentence(names: list[str]) -> str:
    """What the table says: the first sentence of the function, or of the class where there is none."""
    text = inspect.getdoc(get(names[-1])) or ""
    first = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[.;])\s", first)[0].rstrip(".;") + "."


def get(name: str):
    """The object of a full name."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), last)
    except ModuleNotFoundError:
        return getattr(get(module), last)


def signature(app, what, name, thing, options, args, returns):
    """The names and defaults of a class whose `__new__`, which is that of Keras, takes anything."""
    if what not in ("class", "exception") or args not in ("(*args, **kwargs)", None):
        return None
    try:
        text = stringify_signature(inspect.signature(thing), show_annotation=False, show_return_annotation=False)
    except (TypeError, ValueError):
        return None
    return re.sub(r"<function (\w+) at 0x\w+>", r"\1", text), None


def fill_tables(app, document):
    """Puts the table of names into its place."""
    rows = app.env.current_document.get(ROWS, [])
    for place in list(document.findall(TableOfNames)):
        place.replace_self(table(rows))


def table(rows) -> nodes.table:
    """Names at the left, what they are at the right."""
    body = nodes.tbody()
    for names, text in rows:
        left = nodes.paragraph()
        for number, name in enumerate(names):
            link = nodes.reference("", "", internal=True, refid=name)
            link += nodes.literal(text=name.rpartition(".")[2])
            left += [nodes.Text(", "), link] if number else [link]
        right = nodes.paragraph("", "", *with_code(text, names[-1]))
        body += nodes.row("", nodes.entry("", left), nodes.entry("", right))
    columns = [nodes.colspec(colwidth=40), nodes.colspec(colwidth=60)]
    return nodes.table("", nodes.tgroup("", *columns, body, cols=2), classes=["names"])


def with_code(text: str, name: str) -> list[nodes.Node]:
    """Plain text with `code`, of the docstring of a name."""
    parts = text.split("`")
    return [nodes.literal(text=part, of=name) if at % 2 else nodes.Text(part) for at, part in enumerate(parts)]


class LinkCode(SphinxPostTransform):
    """Makes links of code that is a public name."""

    default_priority = 5

    def run(self, **kwargs):
        """One page."""
        documented = {
            name: (found.docname, found.node_id)
            for name, found in self.env.domains.python_domain.objects.items()
            if not found.aliased
        }
        for code in list(self.document.findall(nodes.literal)):
            if any(
                isinstance(above, nodes.reference | nodes.title | addnodes.desc_signature) for above in parents(code)
            ):
                continue
            name = named(code.astext(), self._context(code), documented)
            if name:
                place, anchor = documented[name]
                link = nodes.literal("", code.astext(), classes=["xref", "py"])
                code.replace_self(
                    make_refnode(self.app.builder, self.env.current_document.docname, place, anchor, link, name)
                )

    def _context(self, code):
        """The full name whose docstring this is, or ""."""
        if "of" in code:
            return code["of"]
        for above in parents(code):
            if isinstance(above, addnodes.desc):
                return above[0].get("ids", [""])[0]
        return ""


def parents(node):
    """The parents of a node, the nearest first."""
    while (node := node.parent) is not None:
        yield node


def named(code: str, context: str, documented) -> str | None:
    """The full name of what code names, or None.

    Args:
        code: what stands in backticks.
        context: the full name of whose docstring it stands in, where short names may be lower-case, or "".
        documented: the full names there are.
    """
    if not re.fullmatch(r"[A-Za-z_][\w.]*(\(\))?", code) or code == context.rpartition(".")[2]:
        return None
    code = code.removesuffix("()")
    aliases = aliases_of(frozenset(documented))
    full = []
    if context:
        parts = context.split(".")
        full += [".".join([*parts[:end], code]) for end in range(len(parts), 0, -1)]
    full += [code, f"plackett.{code}"] if "." in code else []
    for name in full:
        if aliases.get(name, name) in documented and name != "plackett":
            return aliases.get(name, name)
    if code[0].isupper():
        found = {name for name in documented if name.endswith(f".{code}")}
        return found.pop() if len(found) == 1 else None
    return None


@functools.cache
def aliases_of(documented: frozenset[str]) -> dict[str, str]:
    """Public name -> the name under which the same object is documented."""
    by_object = {}
    for name in documented:
        try:
            by_object.setdefault(id(get(name) if "." in name else sys.modules[name]), name)
        except AttributeError:
            continue
    names = {name: get(name) for name in public_names()}
    return {name: by_object[id(thing)] for name, thing in names.items() if id(thing) in by_object}


def public_names() -> list[str]:
    """All that users may import, by all names that it has."""
    names = []
    for package in PACKAGES:
        module = importlib.import_module(f"plackett.{package}".rstrip("."))
        names += [f"{module.__name__}.{name}" for name in getattr(module, "__all__", ())]
    return names


def setup(app):
    """Sphinx calls this."""
    app.add_node(TableOfNames)
    app.add_directive("names", NamesDirective)
    app.add_directive("table-of-names", TableDirective)
    app.add_post_transform(LinkCode)
    app.connect("autodoc-process-signature", signature)
    app.connect("doctree-read", fill_tables)
    return {"parallel_read_safe": True}
