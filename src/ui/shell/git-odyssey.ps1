# git odyssey cd TASK goes to the task's workspace; all else is git's.
function git {
    $program = (Get-Command git -CommandType Application | Select-Object -First 1).Source
    if ($args.Count -eq 3 -and $args[0] -eq 'odyssey' -and $args[1] -eq 'cd' -and -not "$($args[2])".StartsWith('-')) {
        $place = & $program odyssey cd --path $args[2]
        if ($LASTEXITCODE -eq 0) { Set-Location -LiteralPath $place }
    } else {
        & $program @args
    }
}
