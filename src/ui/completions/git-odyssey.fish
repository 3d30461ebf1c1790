# Completion of `git-odyssey` in fish, which serves `git odyssey` too: the program is asked what could be typed.
GIT_ODYSSEY_COMPLETE=fish git-odyssey | source
