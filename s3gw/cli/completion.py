"""`s3gw completion`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.parameters import argument, hidden
from s3gw.cli.parsing import Command

_EXAMPLES = """\
  source <(s3gw completion bash)                                              in ~/.bashrc
  s3gw completion bash > /etc/bash_completion.d/s3gw                          for all users
  s3gw completion zsh > ~/.zfunc/_s3gw          a folder of fpath, before compinit
  s3gw completion fish > ~/.config/fish/completions/s3gw.fish

Commands, flags and files are completed, and names of buckets and objects if the server answers
within half a second (AIS_ENDPOINT, AIS_AUTHN_TOKEN)."""


_BASH = r"""# Completion of s3gw for bash: source <(s3gw completion bash)
_s3gw() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        if [[ $word == :files ]]; then
            compopt -o filenames
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
        else
            COMPREPLY+=("$(printf %q "$word")")
        fi
    done < <(s3gw completion bash --line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace
    fi
}
complete -F _s3gw s3gw
"""
_ZSH = r"""#compdef s3gw
# Completion of s3gw for zsh: s3gw completion zsh > a folder of fpath/_s3gw
_s3gw() {
    local line word
    local -a typed whole shown begun
    typed=("${(@Q)words[1,CURRENT]}")
    for line in "${(@f)$(s3gw completion zsh "${(@)typed/#/--word=:}" 2>/dev/null)}"; do
        word=${line%%$'\t'*}
        if [[ $line == :files ]]; then
            _files
        elif [[ $word == */ ]]; then
            begun+=("$word")
        elif [[ -n $word ]]; then
            whole+=("$word")
            shown+=("${line/$'\t'/  -- }")
        fi
    done
    (( $#begun )) && compadd -S '' -a begun
    (( $#whole )) && compadd -l -d shown -a whole
}
if [[ $funcstack[1] == _s3gw ]]; then
    _s3gw "$@"
else
    compdef _s3gw s3gw
fi
"""
_FISH = r"""# Completion of s3gw for fish, a file of ~/.config/fish/completions
function __s3gw_complete
    set -l current (commandline -ct)
    for line in (s3gw completion fish --word=:(commandline -opc) "--word=:$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c s3gw -f -a '(__s3gw_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`line` and `word` are what the scripts send: the line up to the cursor, or its words. A
    colon before each word keeps it from being read as a flag of this command."""

    shell: str = argument("SHELL", choices=tuple(SCRIPTS), help=", ".join(SCRIPTS))
    line: str | None = hidden()
    word: tuple[str, ...] | None = hidden(is_repeated=True)


def run(options: Options) -> int:
    if options.line is None and options.word is None:
        print(SCRIPTS[options.shell], end="")
        return 0
    from s3gw.cli.candidates import candidates, lines_for

    words = [word.removeprefix(":") for word in options.word or ()]
    print(lines_for(options.shell, candidates(options.line, words)), end="")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
