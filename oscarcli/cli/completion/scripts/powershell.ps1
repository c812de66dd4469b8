# Completion of oscar-cli for PowerShell.

Register-ArgumentCompleter -Native -CommandName 'oscar-cli' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $length = $cursorPosition - $commandAst.Extent.StartOffset
    $before = $env:COMP_LINE, $env:COMP_POINT
    try {
        # The blank at the end of the line is no part of the command.
        $env:COMP_LINE = $commandAst.ToString().PadRight($length)
        $env:COMP_POINT = "$length"
        $lines = @(& 'oscar-cli' COMMAND 2>$null)
    }
    finally {
        $env:COMP_LINE, $env:COMP_POINT = $before
    }
    if ($lines.Count -eq 0) { return }
    $directives = $lines[-1].Substring(1) -split ' '
    foreach ($line in $lines | Select-Object -SkipLast 1) {
        $word, $about = $line -split "`t", 2
        if (-not $about) { $about = $word }
        $text = if ($word -match '[\s''"`$;|&(){}]') { "'" + $word.Replace("'", "''") + "'" } else { $word }
        [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $about)
    }
    if ($directives -contains 'files' -or $directives -contains 'folders') {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete) |
            Where-Object { $directives -contains 'files' -or $_.ResultType -eq 'ProviderContainer' }
    }
}
