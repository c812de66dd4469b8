#compdef oscar-cli
# Completion of oscar-cli for Zsh.

_oscar_cli() {
    local program=oscar-cli line directives word about
    local -a before lines shown suffix
    [[ $words[1] == */* ]] && program=${(Q)words[1]/#\~\//$HOME/}
    (( CURRENT > 2 )) && before=("${(@Q)words[2,CURRENT-1]}")
    lines=("${(@f)$("$program" COMMAND "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
    (( $#lines )) || return 1
    directives=" ${lines[-1]#:} "
    for line in "${(@)lines[1,-2]}"; do
        word=${line%%$'\t'*}
        about=${line#"$word"}
        shown+=("${word//:/\\:}${about:+:${about#$'\t'}}")
    done
    [[ $directives == *" nospace "* ]] && suffix=(-S '')
    local found=1
    if (( $#shown )); then
        _describe -t words oscar-cli shown "${suffix[@]}" && found=0
    fi
    # The value of --name=value, or of -n=value, is a file, not the whole word.
    if [[ $directives == *" files "* || $directives == *" folders "* ]]; then
        [[ $PREFIX == -*=* ]] && compset -P '*='
    fi
    [[ $directives == *" files "* ]] && _files && found=0
    [[ $directives == *" folders "* ]] && _files -/ && found=0
    return found
}

if [[ $funcstack[1] == _oscar_cli || $funcstack[1] == _oscar-cli ]]; then
    # Loaded from a folder of $fpath: this is the first Tab.
    _oscar_cli "$@"
else
    compdef _oscar_cli oscar-cli
fi
