"""Words of the command line before they are parsed."""

from __future__ import annotations

import pytest
from typer.core import TyperOption

from oscarcli.cli.kit.argv import rewritten, verb_first
from oscarcli.cli.kit.options import common_options

OPTIONS = [
    *common_options(),
    TyperOption(param_decls=["force", "--force", "-f"], is_flag=True),
    TyperOption(param_decls=["text", "--text", "-i"]),
    TyperOption(param_decls=["into", "--into"]),
]


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("--force=true x", "--force x"),
        ("--force=false x", "x"),
        ("--force=F --debug=0 -v=1", "-v"),
        ("--force --force=false", ""),
        ("--force=maybe", "--force=maybe"),
        ("--text=false x", "--text=false x"),
        ("-i --force=false", "-i --force=false"),
        ("--text --force=false --force=true", "--text --force=false --force"),
        ("-vi --debug=false", "-vi --debug=false"),
        ("-ix --debug=false", "-ix"),
        ("x -- --force=false", "x -- --force=false"),
        ("--into", "--into="),
        ("--into --force", "--into= --force"),
        ("--into x", "--into x"),
        ("--into=x", "--into=x"),
        ("-i --into", "-i --into"),
        ("-i", "-i"),
        ("- x", "- x"),
    ],
)
def test_words_are_made_plain_for_the_parser(words: str, plain: str) -> None:
    assert " ".join(rewritten(words.split(), OPTIONS, ("--into",))) == plain


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("list x", "list x"),
        ("-c X list y", "-c X list y"),
        ("-cX --config=F list", "-cX --config=F list"),
        ("-o json list", "list -o json"),
        ("--output=json list x", "list --output=json x"),
        ("--show get x", "get --show x"),
        ("-v -s a,b --debug=false get x", "-v get -s a,b x"),
        ("-vc X --bogus list", "-vc X list --bogus"),
        ("--help -o json list", "--help -o json list"),
        ("-o json", "-o json"),
        ("--bogus", "--bogus"),
        ("-c", "-c"),
        ("-c list", "-c list"),
        ("", ""),
        ("-- list", "-- list"),
    ],
)
def test_options_of_the_verb_may_stand_before_it(words: str, ordered: str) -> None:
    assert " ".join(verb_first(words.split(), common_options(), ("list", "get"))) == ordered
