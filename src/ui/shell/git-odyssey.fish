# git odyssey cd TASK goes to the task's workspace; all else is git's.
function git --wraps git
    if test (count $argv) -eq 3; and test "$argv[1]" = odyssey; and test "$argv[2]" = cd; and not string match -q -- '-*' $argv[3]
        set -l place (command git odyssey cd --path $argv[3])
        and cd -- $place
    else
        command git $argv
    end
end
