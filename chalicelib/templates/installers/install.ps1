# Installs the Crontopus agent on @PLATFORM_WORDS@. Read it, then run it; -DryRun says what it would do and changes nothing.
# It holds no secret. The enrollment token comes from the environment, CRONTOPUS_ENROLL_TOKEN, or with -TokenStdin.
param(
    [switch]$User, [string]$Name = '', [switch]$TokenStdin, [switch]$DryRun, [switch]$NoService, [switch]$Uninstall
)

function Install-Crontopus {
    Set-StrictMode -Version 2
    $ErrorActionPreference = 'Stop'
    $ApiUrl = @API_URL@
    $ReleaseUrl = @RELEASE_URL@
    $SumsSha256 = @SUMS_SHA256@
    $ReleaseKeys = @RELEASE_KEYS@

    $Verifier = @'
@VERIFIER@


if __name__ == "__main__":
    import base64
    import pathlib
    import sys

    content, signature = (pathlib.Path(name).read_bytes() for name in sys.argv[1:3])
    made = base64.b64decode(signature)
    sys.exit(not any(is_valid(base64.b64decode(key), content, made) for key in sys.argv[3:]))
'@

    $Identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    $IsAdmin = $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
    if ($User -and $IsAdmin) { throw "run -User in a PowerShell that is not elevated: an administrator's agent is the machine's" }
    $ForUser = -not $IsAdmin
    if ($ForUser) { $Prefix = Join-Path $env:LOCALAPPDATA 'Crontopus' } else { $Prefix = Join-Path $env:ProgramFiles 'Crontopus' }
    # Where the agent looks too. Only administrators may write below Program Files; ProgramData could have been prepared by anybody.
    $BaseFolder = if ($env:CRONTOPUS_HOME) { $env:CRONTOPUS_HOME } elseif ($ForUser) { $env:USERPROFILE } else { $Prefix }
    $Config = Join-Path $BaseFolder '.crontopus\config.yaml'
    $Current = Join-Path $Prefix 'current.txt'

    function Step([string]$Words, [scriptblock]$Act) {
        Write-Output "  + $Words"
        if (-not $DryRun) { & $Act }
    }

    function Find-Python {
        foreach ($Candidate in @('py', 'python3', 'python')) {
            $Found = Get-Command $Candidate -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
            if (-not $Found) { continue }
            # Windows puts a program of that name there which only advertises; what it says on stderr would end this script.
            try { $Real = & $Found.Source -I -c 'import sys; print(sys.executable if sys.version_info >= (3, 11) else str())' 2>$null } catch { continue }
            if ($LASTEXITCODE -ne 0 -or -not $Real) { continue }
            # Jobs of the machine run as SYSTEM: nobody else may be able to change the program that runs them.
            $IsSafe = $ForUser -or $Real.StartsWith("$env:ProgramFiles\", [StringComparison]::OrdinalIgnoreCase)
            if ($IsSafe) { return $Real }
            Write-Warning "$Real is not below $env:ProgramFiles, where only administrators may write; it is not used"
        }
        throw 'no Python 3.11 or newer found; install it for all users, then run this again'
    }

    if ($Uninstall) {
        if ((Test-Path -LiteralPath $Current) -and (Test-Path -LiteralPath $Config)) {
            Step 'stop the agent, take our tasks out of Task Scheduler' {
                & (Find-Python) -I (Join-Path (Get-Content -LiteralPath $Current) 'crontopus-agent.pyz') uninstall
                if ($LASTEXITCODE -ne 0) { throw 'our tasks are still there, so the program stays; see above for what to do first' }
            }
        }
        foreach ($Part in @($Current, (Join-Path $Prefix 'versions'))) {
            if (Test-Path -LiteralPath $Part) { Step "remove $Part" { Remove-Item -LiteralPath $Part -Recurse -Force } }
        }
        Write-Output "done; what the agent knew is still in $(Split-Path $Config)"
        return
    }

    $Python = Find-Python
    $Token = $env:CRONTOPUS_ENROLL_TOKEN
    Remove-Item Env:\CRONTOPUS_ENROLL_TOKEN -ErrorAction SilentlyContinue
    if ($TokenStdin) { $Token = [Console]::In.ReadLine() }
    if (-not $Token -and -not $DryRun -and -not (Test-Path -LiteralPath $Config)) {
        throw 'no enrollment token: set CRONTOPUS_ENROLL_TOKEN, or pipe one in with -TokenStdin'
    }

    # The list of the release's files is believed only with the checksum that this script was made with, and if it is signed.
    $Version = $null
    Step "download the list of $ReleaseUrl, check that its SHA-256 is $SumsSha256 and that it is signed, then the agent" {
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
        $Scratch = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString())
        New-Item -ItemType Directory -Path $Scratch | Out-Null
        try {
            $Sums = Join-Path $Scratch 'SHA256SUMS'
            Invoke-WebRequest -UseBasicParsing -Uri "$ReleaseUrl/SHA256SUMS" -OutFile $Sums
            $Found = (Get-FileHash -LiteralPath $Sums -Algorithm SHA256).Hash.ToLowerInvariant()
            if ($Found -ne $SumsSha256) {
                throw "the release is not the one this installer was made for: SHA-256 is $Found, expected $SumsSha256. Nothing was installed"
            }
            Invoke-WebRequest -UseBasicParsing -Uri "$ReleaseUrl/SHA256SUMS.sig" -OutFile "$Sums.sig"
            $Verify = Join-Path $Scratch 'verify.py'
            [IO.File]::WriteAllText($Verify, $Verifier)
            & $Python -I $Verify $Sums "$Sums.sig" $ReleaseKeys.Split(' ')
            if ($LASTEXITCODE -ne 0) { throw "none of this installer's keys has signed the release. Nothing was installed" }
            $Line = Get-Content -LiteralPath $Sums | Where-Object { $_ -match '^[0-9a-f]{64}  crontopus-agent-[0-9a-z.+]+\.pyz$' }
            if (@($Line).Count -ne 1 -or -not $Line) { throw 'the release has no package for this platform. Nothing was installed' }
            $Sha256, $File = -split $Line
            $script:Version = Join-Path (Join-Path $Prefix 'versions') $Sha256
            if (Test-Path -LiteralPath $script:Version) { return }
            $Unpacked = Join-Path $Scratch 'version'
            New-Item -ItemType Directory -Path $Unpacked | Out-Null
            $Package = Join-Path $Unpacked 'crontopus-agent.pyz'
            Invoke-WebRequest -UseBasicParsing -Uri "$ReleaseUrl/$File" -OutFile $Package
            $Found = (Get-FileHash -LiteralPath $Package -Algorithm SHA256).Hash.ToLowerInvariant()
            if ($Found -ne $Sha256) { throw "the download is damaged: SHA-256 is $Found, expected $Sha256. Nothing was installed" }
            & $Python -I $Package version | Out-Null
            if ($LASTEXITCODE -ne 0) { throw 'the agent does not run on this machine; nothing was installed' }
            New-Item -ItemType Directory -Force -Path (Split-Path $script:Version) | Out-Null
            Move-Item -LiteralPath $Unpacked -Destination $script:Version
        } finally {
            Remove-Item -LiteralPath $Scratch -Recurse -Force -ErrorAction SilentlyContinue
        }
    }
    if ($DryRun) { $Version = Join-Path $Prefix 'versions' } else { $Version = $script:Version }
    $Agent = Join-Path $Version 'crontopus-agent.pyz'
    Step "make $Version the current version" { Set-Content -LiteralPath $Current -Value $Version }

    if (-not $Token -and (Test-Path -LiteralPath $Config)) {
        Write-Output "this machine is enrolled already: $Config"
    } else {
        Step "enroll this machine at $ApiUrl" {
            $Arguments = @('-I', $Agent, 'enroll', '--api-url', $ApiUrl, '--token-stdin')
            if ($Name) { $Arguments += @('--name', $Name) }
            # The token goes by a pipe: no argument of a process shows it.
            $Token | & $Python @Arguments
            if ($LASTEXITCODE -ne 0) { throw 'the machine was not enrolled; see above' }
        }
    }

    if ($NoService) { return }
    Step 'start the agent now and with Windows' {
        & $Python -I $Agent install
        if ($LASTEXITCODE -ne 0) { throw 'the agent was not started; see above' }
    }
}

# The last line: of a download that broke off nothing runs.
Install-Crontopus
