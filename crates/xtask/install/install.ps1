<#
.SYNOPSIS
Installs programs of Backroom from a release: all of them, or those that are named.
.DESCRIPTION
Everything is fetched and its checksum compared with the release's sha256.sum before anything is put
in place; each program is put in place by one rename. So a broken download changes nothing.
.PARAMETER Service
Programs to install; without one: all, and the models that a store needs.
.PARAMETER From
The folder, or the https:// URL, with the archives and sha256.sum.
.PARAMETER Dir
Where the programs go.
.PARAMETER Target
The programs' target triple instead of this machine's.
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0, ValueFromRemainingArguments)]
    [ValidatePattern('^[a-z0-9][a-z0-9-]*$')]
    [string[]] $Service = @('backroom'),
    [string] $From = $(if ($env:BACKROOM_FROM) { $env:BACKROOM_FROM } else { '@SOURCE@' }),
    [string] $Dir = $(if ($env:BACKROOM_DIR) { $env:BACKROOM_DIR } else { Join-Path $HOME '.local/bin' }),
    [string] $Target
)
$ErrorActionPreference = 'Stop'
# Its progress bar makes Invoke-WebRequest many times slower.
$ProgressPreference = 'SilentlyContinue'

function Fail([string] $Message) {
    [Console]::Error.WriteLine("error: $Message")
    exit 1
}

# A release has its own URL written in place of the mark.
if (-not $From -or $From.StartsWith('@')) { Fail 'where from? name a folder or an https:// URL with -From' }
$From = $From.TrimEnd('/', '\')

# The targets that run here, the one without needs first.
if ($Target) {
    $targets = @($Target)
} else {
    $cpu = switch ([System.Runtime.InteropServices.RuntimeInformation]::OSArchitecture) {
        'X64' { 'x86_64' }
        'Arm64' { 'aarch64' }
        default { Fail "there are no programs for the processor '$_': build them with cargo" }
    }
    # Windows PowerShell 5 runs on Windows alone, and has no $IsWindows.
    $targets = if ($PSVersionTable.PSVersion.Major -lt 6 -or $IsWindows) { @("$cpu-pc-windows-msvc") }
    elseif ($IsMacOS) { @("$cpu-apple-darwin") }
    else { @("$cpu-unknown-linux-musl", "$cpu-unknown-linux-gnu") }
}

function Get-ReleaseFile([string] $Name) {
    $to = Join-Path $work $Name
    if ($From -match '^https?://') {
        try {
            Invoke-WebRequest -UseBasicParsing -Uri "$From/$Name" -OutFile $to
        } catch {
            Fail "cannot fetch '$From/$Name' whole ($($_.Exception.Message)); nothing was installed"
        }
    } else {
        $file = Join-Path $From $Name
        if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { Fail "there is no '$file'" }
        Copy-Item -LiteralPath $file -Destination $to
    }
    $to
}

New-Item -ItemType Directory -Force -Path $Dir | Out-Null
$Dir = (Resolve-Path -LiteralPath $Dir).Path
# In the same volume as the programs' places, so that a rename is all at once.
$work = Join-Path $Dir ('.backroom-install.' + [System.IO.Path]::GetRandomFileName())
New-Item -ItemType Directory -Path $work | Out-Null
try {
    $sums = @{}
    foreach ($line in Get-Content -LiteralPath (Get-ReleaseFile 'sha256.sum')) {
        if ($line -match '^([0-9a-f]{64}) [ *](\S+)$') { $sums[$Matches[2]] = $Matches[1] }
    }

    $archives = foreach ($name in $Service) {
        $names = foreach ($triple in $targets) {
            if ($triple -like '*-windows-*') { "$name-$triple.zip" } else { "$name-$triple.tar.xz" }
        }
        $found = $names | Where-Object { $sums.ContainsKey($_) } | Select-Object -First 1
        if (-not $found) {
            $others = $sums.Keys | Where-Object { $_ -match "^$name-(x86_64|aarch64)-.*\.(zip|tar\.xz)$" } | Sort-Object
            if (-not $others) { Fail "the release has no service '$name'" }
            Fail "the release has no '$name' for $targets, only $($others -join ', ')"
        }
        $found
    }

    foreach ($archive in $archives) {
        $hash = (Get-FileHash -Algorithm SHA256 -LiteralPath (Get-ReleaseFile $archive)).Hash.ToLowerInvariant()
        if ($hash -ne $sums[$archive]) {
            Fail "'$archive' does not have the checksum of sha256.sum: it was cut off or changed; nothing was installed"
        }
    }
    foreach ($archive in $archives) {
        if ($archive.EndsWith('.zip')) {
            Expand-Archive -LiteralPath (Join-Path $work $archive) -DestinationPath $work
        } else {
            tar -xJf (Join-Path $work $archive) -C $work
            if ($LASTEXITCODE -ne 0) { Fail "cannot unpack '$archive': tar needs xz; nothing was installed" }
        }
    }

    $placed = @()
    foreach ($archive in $archives) {
        $folder = Join-Path $work ($archive -replace '\.(zip|tar\.xz)$', '')
        # The programs' names are those of the release's other archives.
        $files = Get-ChildItem -LiteralPath $folder -File | Where-Object {
            $stem = $_.Name -replace '\.exe$', ''
            $_.Extension -in '', '.exe' -and ($sums.Keys | Where-Object { $_ -match "^$([regex]::Escape($stem))-(x86_64|aarch64)-" })
        }
        foreach ($file in $files) {
            Move-Item -Force -LiteralPath $file.FullName -Destination (Join-Path $Dir $file.Name)
            $placed += $file.Name
        }
        # What `shop` looks for beside the folder of programs.
        if (Test-Path -LiteralPath (Join-Path $folder 'workflows')) {
            $parent = if ((Split-Path -Leaf $Dir) -eq 'bin') { Split-Path -Parent $Dir } else { $Dir }
            $share = Join-Path $parent 'share/backroom'
            New-Item -ItemType Directory -Force -Path $share | Out-Null
            foreach ($part in 'workflows', '.github') {
                $to = Join-Path $share $part
                if (Test-Path -LiteralPath $to) { Move-Item -LiteralPath $to -Destination (Join-Path $work "old-$part") }
                Move-Item -LiteralPath (Join-Path $folder $part) -Destination $to
            }
        }
    }
    if (-not $placed) { Fail 'the archives hold no program' }
    "installed in ${Dir}: $($placed -join ' ')"
    if (($env:PATH -split [System.IO.Path]::PathSeparator) -notcontains $Dir) { "to run them by name, add $Dir to PATH" }
} finally {
    Remove-Item -Recurse -Force -LiteralPath $work
}
