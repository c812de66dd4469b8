"""Words of the command line before they are parsed."""

from __future__ import annotations

import pytest
from typer.core import TyperOption

from oscarcli.cli.kit.argv import rewrite_argv, split_short, verb_first
from oscarcli.cli.kit.options import common_options
from oscarcli.errors import UsageError

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
        ("--text=false x", "--text=false x"),
        ("-i --force=false", "-i --force=false"),
        ("--text --force=false --force=true", "--text --force=false --force"),
        ("-vi --debug=false", "-v -i --debug=false"),
        ("-ix --debug=false", "-i x"),
        ("-i --force --force=false", "-i --force"),
        ("--force -f=false", ""),
        ("-vf=false x", "-v x"),
        ("-vfi=x -f=0", "-v -i x"),
        ("-i=-v -v", "-i -v -v"),
        ("-z=1 -vz", "-z=1 -v -z"),
        ("x -- --force=false", "x -- --force=false"),
        ("--into", "--into="),
        ("--into --force", "--into= --force"),
        ("--into x", "--into= x"),
        ("--into yes", "--into=yes"),
        ("--into YES", "--into=YES"),
        ("--into -- yes", "--into= -- yes"),
        ("--into=x", "--into=x"),
        ("-i --into", "-i --into"),
        ("-i", "-i"),
        ("- x", "- x"),
    ],
)
def test_words_are_made_plain_for_the_parser(words: str, plain: str) -> None:
    assert " ".join(rewrite_argv(words.split(), OPTIONS, {"--into": ("yes", "no")})) == plain


@pytest.mark.parametrize("word", ["--force=maybe", "-f=maybe", "-vf=maybe", "--force=", "-h=maybe"])
def test_a_flag_is_true_or_false(word: str) -> None:
    with pytest.raises(UsageError, match="takes true or false"):
        rewrite_argv([word], OPTIONS)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        # What pflag 1.0.5 makes of each, asked for its answer; `-i` takes a value, `-v` and `-q` are flags.
        ("-i=hello", [("-i", "hello")]),
        ("-ihello", [("-i", "hello")]),
        ("-i==x", [("-i", "=x")]),
        ("-i=", [("-i", "=")]),
        ("-i", [("-i", None)]),
        ("-i=-v", [("-i", "-v")]),
        ("-vi=hello", [("-v", None), ("-i", "hello")]),
        ("-vi=", [("-v", None), ("-i", "=")]),
        ("-vihello=x", [("-v", None), ("-i", "hello=x")]),
        ("-vqi", [("-v", None), ("-q", None), ("-i", None)]),
        ("-v=false", [("-v", "false")]),
        ("-vq=false", [("-v", None), ("-q", "false")]),
        ("-v=true=x", [("-v", "true=x")]),
        ("-v=", [("-v", None), ("-=", None)]),
        ("-vT", [("-v", None), ("-T", None)]),
    ],
)
def test_short_options_are_taken_apart_as_by_the_reference_s_parser(
    word: str, found: list[tuple[str, str | None]]
) -> None:
    assert list(split_short(word, "-i".__eq__)) == found


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("list x", "list x"),
        ("-c X list y", "-c X list y"),
        ("-cX --config=F list", "-c X --config=F list"),
        ("-c=X list y", "-c X list y"),
        ("-vo=json list", "list -vo=json"),
        ("-vo json list", "list -vo json"),
        ("-v=false list", "list"),
        ("-h=true list", "list -h=true"),
        ("-h=true", "-h"),
        ("-v=true --help", "-v --help"),
        ("-o json list", "list -o json"),
        ("--output=json list x", "list --output=json x"),
        ("--show get x", "get --show x"),
        ("-v -s a,b --debug=false get x", "-v get -s a,b x"),
        ("-vc X --bogus list", "-v -c X list --bogus"),
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
