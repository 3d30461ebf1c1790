# git odyssey cd TASK goes to the task's workspace; all else is git's.
git() {
    if [ "$#" -ne 3 ] || [ "$1" != odyssey ] || [ "$2" != cd ]; then
        command git "$@"
        return
    fi
    case $3 in
        -*) command git "$@" ;;
        *) set -- "$(command git odyssey cd --path "$3")" && [ -n "$1" ] && cd -- "$1" ;;
    esac
}
