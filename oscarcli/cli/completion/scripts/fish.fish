# Completion of oscar-cli for Fish.

function __oscar_cli_complete
    set -l before (commandline -opc)
    # A quote that is still open is none of the word's.
    set -l current (commandline -ct | string replace -r '^["\']' '')
    set -l program oscar-cli
    string match -q '*/*' -- $before[1]; and set program $before[1]
    set -l lines ($program COMMAND $before[2..-1] "$current" 2>/dev/null)
    test (count $lines) -gt 0; or return
    set -l directives (string split ' ' -- (string sub -s 2 -- $lines[-1]))
    set -e lines[-1]
    for line in $lines
        echo $line
    end
    set -l typed (string replace -r '^-[^=]*=' '' -- "$current")
    set -l prefix (string replace -- "$typed" '' "$current")
    if contains files $directives
        __fish_complete_path "$typed" | string replace -r '^' -- "$prefix"
    else if contains folders $directives
        __fish_complete_directories "$typed" | string replace -r '^' -- "$prefix"
    end
end

complete -c oscar-cli -f -a '(__oscar_cli_complete)'
