#!/usr/bin/env python3
"""command_line.py BUILD: what --help of both binaries says, as shell completions and as the manual has to have it.

    command_line.py BUILD completions FOLDER   writes FOLDER/bash, FOLDER/zsh, FOLDER/fish
    command_line.py BUILD manual FOLDER        prints what FOLDER/*.8 lack, or have too much; exit status 1 then

`make docs` writes the completions; a test compares them, and asks for the manual.
"""

import re
import subprocess
import sys
from pathlib import Path

FLAG = re.compile(r"^ +(?:(-\w), |    )(--[\w-]+)(?: (\S+))?  +(\S.*)$")
COMMAND = re.compile(r"^  loadtap (\w+) +(\S.*)$")
ARGUMENT = re.compile(r"^Usage: loadtap \w+ ([A-Z|]+)", re.MULTILINE)
FILES = {"FILE"}
FOLDERS = {"PATH"}


class Flag:
    def __init__(self, short, name, value, text):
        self.short, self.name, self.value, self.text = short, name, value, text

    def words(self):
        """What its value can be, where that is a list."""
        if self.value == "LEVEL":
            return re.sub(r" \(default\)", "", self.text).split(", ")
        return self.value.split("|") if self.value and "|" in self.value else []

    def names(self):
        return [self.short, self.name] if self.short else [self.name]

    def row(self):
        """As --help has it on the left."""
        return ", ".join(self.names()) + (f" {self.value}" if self.value else "")


class Command:
    """A binary, or a command of one."""

    def __init__(self, words, text=""):
        self.words, self.text = words, text
        self.name = words[-1].rsplit("/", 1)[-1]
        shown = subprocess.run([*words, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.flags = [Flag(*match.groups()) for match in map(FLAG.match, shown.splitlines()) if match]
        argument = ARGUMENT.search(shown)
        self.argument = argument[1] if argument else None
        self.commands = [Command([*words, match[1]], match[2])
                         for match in map(COMMAND.match, shown.splitlines()) if match]


# --- completions ----------------------------------------------------------------

HEAD = "# Made by `make docs` of what `{} --help` says.\n"


def bash_case(command):
    """Values of flags; then flags."""
    lines = []
    for flag in command.flags:
        if not flag.value:
            continue
        if flag.words():
            do = f'COMPREPLY=($(compgen -W "{" ".join(flag.words())}" -- "$word"))'
        elif flag.value in FILES:
            do = 'COMPREPLY=($(compgen -f -- "$word"))'
        elif flag.value in FOLDERS:
            do = 'COMPREPLY=($(compgen -d -- "$word"))'
        else:
            do = "COMPREPLY=()"
        lines.append(f"    {'|'.join(flag.names())}) {do} ;;")
    words = [name for flag in command.flags for name in flag.names()]
    words += [each.name for each in command.commands]
    lines.append(f'    *) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word")) ;;')
    return "    case $before in\n" + "\n".join(lines) + "\n    esac\n"


def bash(binary):
    function = "_" + binary.name.replace("-", "_")
    text = HEAD.format(binary.name) + f"{function}() {{\n"
    text += "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    # "--flag=value" comes as three words.
    text += '    [ "$word" != = ] || word=\n'
    text += '    [ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}\n'
    if binary.commands:
        text += "    if ((COMP_CWORD == 1)); then\n        before=\n    else\n        case ${COMP_WORDS[1]} in\n"
        for command in binary.commands:
            text += f"        {command.name})\n            {function}_{command.name}\n            return\n            ;;\n"
        text += "        esac\n    fi\n"
    text += bash_case(binary) + "}\n"
    parts = "".join(f"{function}_{command.name}() {{\n{bash_case(command)}}}\n"
                    for command in binary.commands)
    return text.replace(HEAD.format(binary.name), HEAD.format(binary.name) + parts) + \
        f"complete -o filenames -F {function} {binary.name}\n"


def quoted(text):
    return text.replace("'", "'\\''")


def zsh_flag(flag):
    """An argument of _arguments."""
    text = re.sub(r"([\[\]:])", r"\\\1", flag.text)
    value = ""
    if flag.value:
        action = "_files" if flag.value in FILES else "_files -/" if flag.value in FOLDERS else \
            f"({' '.join(flag.words())})" if flag.words() else ""
        value = f":{flag.value.replace(':', chr(92) + ':')}:{action}"
    names = flag.names()
    equals = "=" if flag.value else ""
    head = f"'({' '.join(names)})'{{{flag.short},{flag.name}{equals}}}" if flag.short else f"{flag.name}{equals}"
    return f"{head}'[{quoted(text)}]{quoted(value)}'"


def zsh_arguments(command, indent):
    return "_arguments -s -S " + " ".join(f"\\\n{indent}{zsh_flag(flag)}" for flag in command.flags)


def zsh(binary):
    text = f"#compdef {binary.name}\n" + HEAD.format(binary.name)
    if not binary.commands:
        return text + zsh_arguments(binary, "    ") + "\n"
    names = " ".join(f"'{each.name}:{quoted(each.text)}'" for each in binary.commands)
    text += "if ((CURRENT > 2)); then\n    case $words[2] in\n"
    for command in binary.commands:
        text += f"    {command.name})\n        shift words\n        ((CURRENT--))\n"
        text += f"        {zsh_arguments(command, ' ' * 12)}\n        return\n        ;;\n"
    text += f"    esac\nelse\n    local -a commands=({names})\n    _describe command commands\nfi\n"
    return text + zsh_arguments(binary, "    ") + "\n"


def fish_flags(binary, command, condition):
    for flag in command.flags:
        line = f"complete -c {binary.name} -n '{condition}' -l {flag.name[2:]}"
        if flag.short:
            line += f" -s {flag.short[1]}"
        if flag.words():
            line += f" -x -a '{' '.join(flag.words())}'"
        elif flag.value in FILES | FOLDERS:
            line += " -r -F"
        elif flag.value:
            line += " -x"
        yield line + f" -d '{quoted(flag.text)}'\n"


def fish(binary):
    text = HEAD.format(binary.name) + f"complete -c {binary.name} -f\n"
    names = " ".join(each.name for each in binary.commands)
    none = f"not __fish_seen_subcommand_from {names}" if names else "true"
    for command in binary.commands:
        text += f"complete -c {binary.name} -n '__fish_use_subcommand' -a {command.name} -d '{quoted(command.text)}'\n"
    text += "".join(fish_flags(binary, binary, none))
    for command in binary.commands:
        text += "".join(fish_flags(binary, command, f"__fish_seen_subcommand_from {command.name}"))
    return text


def write_completions(binaries, folder):
    for binary in binaries:
        for name, text in (("bash/" + binary.name, bash(binary)), ("zsh/_" + binary.name, zsh(binary)),
                           (f"fish/{binary.name}.fish", fish(binary))):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 0


# --- the manual ------------------------------------------------------------------

ITEM = re.compile(r"^\.It (Fl .*)$")
PART = re.compile(r"^\.(?:Ss|Sh) (.*)$")


def item_row(text):
    """'Fl c , Fl -config-path Ar FILE' as --help has it."""
    text = text.replace("Fl ", "-").replace(" , ", ", ").replace("Ar ", "")
    return text.replace("\\&", "").replace(" | ", "|")


def manual_rows(path):
    """{(section or subsection): [row, ...]}"""
    rows, part = {}, ""
    for line in path.read_text().splitlines():
        heading, item = PART.match(line), ITEM.match(line)
        if heading:
            part = heading[1]
            rows.setdefault(part, [])
        elif item:
            rows[part].append(item_row(item[1]))
    return rows


def check_manual(binaries, folder):
    wrong = []
    for binary in binaries:
        path = folder / f"{binary.name}.8"
        rows = manual_rows(path)
        for part, command in [("OPTIONS", binary)] + [(each.name, each) for each in binary.commands]:
            has, wanted = rows.pop(part, None), [flag.row() for flag in command.flags]
            if has is None:
                wrong.append(f"{path}: no part {part}")
                continue
            wrong += [f"{path}: {part}: {row}: not there" for row in wanted if row not in has]
            wrong += [f"{path}: {part}: {row}: not in --help" for row in has if row not in wanted]
        wrong += [f"{path}: {part}: {row}: of no command" for part, more in rows.items() for row in more]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def main(build, what, folder):
    binaries = [Command([f"{build}/{name}"]) for name in ("loadtap", "loadtap-collector")]
    return {"completions": write_completions, "manual": check_manual}[what](binaries, Path(folder))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
