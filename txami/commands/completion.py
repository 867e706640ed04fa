"""
``txami completion``: a script that lets a shell complete what is typed behind ``txami``.

Both shells share one function of the language that they have in common; its words come from the command line
itself and from the catalogue.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable
from functools import partial
from typing import Final

from .. import catalogue
from .base import OK, Commands, add_command
from .output import print_json

_EXAMPLES: Final = """\
completion bash > ~/.local/share/bash-completion/completions/txami
completion zsh > ~/.zfunc/_txami   # a directory of your $fpath
"""

#: Prints the words that may stand behind those that are its arguments; none where a file may.
_WORDS: Final = """\
_txami_words() {
    local word previous="" command="" name=""
    for word in "$@"; do
        case "$previous" in
            %(valued)s) ;;
            *)
                case "$word" in
                    -*) ;;
                    *)
                        if [ -z "$command" ]; then command="$word"
                        elif [ -z "$name" ]; then name="$word"
                        fi ;;
                esac ;;
        esac
        previous="$word"
    done
    case "$previous" in
%(values)s
        %(valued)s) return ;;
    esac
    case "$command" in
        "") echo %(first)s ;;
%(commands)s
    esac
}

_txami_headers() {
    case "$1" in
%(headers)s
    esac
}
"""

_SHELLS: Final = {
    "bash": """\
%s
_txami() {
    local IFS=$' \\t\\n' current="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=($(compgen -W "$(_txami_words "${COMP_WORDS[@]:1:COMP_CWORD-1}")" -- "$current"))
    if [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _txami txami
""",
    "zsh": """\
#compdef txami
%s
_txami() {
    local -a candidates
    candidates=(${=$(_txami_words "${(@)words[2,CURRENT-1]}")})
    if (( ! $#candidates )); then _files; return; fi
    compadd -S "" -- ${(M)candidates:#*=}
    compadd -- ${candidates:#*=}
}
if [ "$funcstack[1]" = "_txami" ]; then _txami "$@"; else compdef _txami txami; fi
""",
}


def add_completion(commands: Commands) -> None:
    """Add it to a command line; what is added to it later is completed, too."""
    run = partial(_completion, commands)
    parser = add_command(commands, "completion", run, "print a script that completes for a shell", _EXAMPLES)
    parser.add_argument("shell", choices=sorted(_SHELLS), help="for which shell")


def _completion(commands: Commands, options: argparse.Namespace) -> int:
    script = _SHELLS[options.shell] % _words(commands.choices)
    if options.json:
        print_json({"shell": options.shell, "script": script})
    else:
        print(script, end="")
    return OK


def _words(parsers: dict[str, argparse.ArgumentParser]) -> str:
    """Return the function that both shells share."""
    # argparse has no public way to list what a parser knows.
    optionals = {name: each._option_string_actions for name, each in parsers.items()}
    valued = {option: action for each in optionals.values() for option, action in each.items() if action.nargs != 0}
    chosen = {option: action.choices for option, action in valued.items() if action.choices}
    events = [info.name for info in catalogue.events()]
    values = {**chosen, "--name": events}
    shared = [option for option in optionals["ping"] if all(option in each for each in optionals.values())]
    return _WORDS % {
        "valued": "|".join(sorted(valued)),
        "values": "\n".join(f"        {option}) {_echo(words)}; return ;;" for option, words in values.items()),
        "first": _quoted([*parsers, *_long(shared)]),
        "commands": "\n".join(_case(name, parser, _long(optionals[name])) for name, parser in parsers.items()),
        "headers": "\n".join(
            f"        {info.name}) {_echo(f'{header}=' for header in (*info.required, *info.optional))} ;;"
            for info in catalogue.actions()
        ),
    }


def _case(name: str, parser: argparse.ArgumentParser, options: list[str]) -> str:
    """Return what completes behind a subcommand: what stands first there, and its options."""
    names: Iterable[str] = {
        "action": [info.name for info in catalogue.actions()],
        "actions": [info.name for info in catalogue.actions()],
        "events-info": [info.name for info in catalogue.events()],
        "completion": sorted(_SHELLS),
    }.get(name, ())
    second = '_txami_headers "$name"; ' if name == "action" else ""
    first = f'if [ -z "$name" ]; then {_echo(names)}; fi; ' if names else ""
    return f"        {name}) {first}{second}{_echo(options)} ;;"


def _long(options: Iterable[str]) -> list[str]:
    return [option for option in options if option.startswith("--")]


def _echo(words: Iterable[str]) -> str:
    return f"echo {_quoted(words)}"


def _quoted(words: Iterable[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)
