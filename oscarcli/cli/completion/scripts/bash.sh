# Completion of oscar-cli for Bash.

_oscar_cli() {
    local program=oscar-cli answer typed cut word
    # A path that was typed is called as it is; an alias is none.
    case $1 in */*) program=${1/#\~\//$HOME/} ;; esac
    COMPREPLY=()
    answer=$(COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT "$program" COMMAND 2>/dev/null) || return 0
    # Bash takes the part behind a "=" or ":" for a word of its own, where these end words.
    typed=${COMP_LINE:0:COMP_POINT}
    typed=${typed##*[[:space:]]}
    cut=
    case $COMP_WORDBREAKS in *=*) cut=${typed%"${typed##*=}"} ;; esac
    case $COMP_WORDBREAKS in *:*) case ${typed#"$cut"} in *:*) cut=${typed%"${typed##*:}"} ;; esac ;; esac
    while IFS= read -r word; do
        case $word in
        :*)
            _oscar_cli_directives "${word#:}" "${typed#"$cut"}"
            break
            ;;
        esac
        word=${word#"$cut"}
        case $typed in
        [\"\']* | *=[\"\']*) ;;
        *) case $word in *[!A-Za-z0-9_./:=,@%+-]*) printf -v word %q "$word" ;; esac ;;
        esac
        COMPREPLY+=("$word")
    done <<<"$answer"
}

_oscar_cli_directives() {
    local directive
    for directive in $1; do
        if ! type compopt >/dev/null 2>&1; then
            # Bash before version 4.
            case $directive in
            files) COMPREPLY+=($(compgen -f -- "$2")) ;;
            folders) COMPREPLY+=($(compgen -d -- "$2")) ;;
            esac
            continue
        fi
        case $directive in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
        nospace) compopt -o nospace ;;
        esac
    done
}

complete -F _oscar_cli oscar-cli
