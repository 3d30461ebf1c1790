# Completion of `git-odyssey` and `git odyssey` in bash: the program itself is asked what could be typed.
source <(GIT_ODYSSEY_COMPLETE=bash git-odyssey 2>/dev/null)

# Called by git's completion, whose words these are; what stands before the command is git's own business.
_git_odyssey() {
    local at=${__git_cmd_idx:-1} typed=$cur
    local -a COMP_WORDS=(git-odyssey "${words[@]:at+1}")
    local COMP_CWORD=$((cword - at))
    _clap_complete_git_odyssey git-odyssey "$typed"
    # Readline keeps what stands before the last `=` or `:` of the word, and git does not: it would stand there twice.
    local kept=${typed%"${typed##*[=:]}"}
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}
