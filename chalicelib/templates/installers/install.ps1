# Installs the Crontopus agent on @PLATFORM_WORDS@. Read it, then run it; -DryRun says what it would do and changes nothing.
# It holds no secret. The enrollment token comes from the environment, CRONTOPUS_ENROLL_TOKEN, or with -TokenStdin.
param(
    [switch]$User, [string]$Name = '', [switch]$TokenStdin, [switch]$DryRun, [switch]$NoService, [switch]$Uninstall
)

function Install-Crontopus {
    Set-StrictMode -Version 2
    $ErrorActionPreference = 'Stop'
    $ApiUrl = @API_URL@
    $PackageUrl = @PACKAGE_URL@
    $PackageSha256 = @PACKAGE_SHA256@
    $TaskName = 'CrontopusAgent'

    $Identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    $IsAdmin = $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
    $ForUser = $User -or -not $IsAdmin
    if ($ForUser) { $Prefix = Join-Path $env:LOCALAPPDATA 'Crontopus' } else { $Prefix = Join-Path $env:ProgramFiles 'Crontopus' }
    $BaseFolder = if ($env:CRONTOPUS_HOME) { $env:CRONTOPUS_HOME } else { $env:USERPROFILE }
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
            & $Found.Source -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>$null
            if ($LASTEXITCODE -eq 0) { return $Found.Source }
        }
        throw 'no Python 3.11 or newer found; install it, then run this again'
    }

    if ($Uninstall) {
        Step "stop and remove the task $TaskName" {
            Unregister-ScheduledTask -TaskName $TaskName -Confirm:$false -ErrorAction SilentlyContinue
        }
        if ((Test-Path -LiteralPath $Current) -and (Test-Path -LiteralPath $Config)) {
            Step 'take our entries out of the scheduler' {
                & (Find-Python) -I (Join-Path (Get-Content -LiteralPath $Current) 'crontopus-agent.py') uninstall
                if ($LASTEXITCODE -ne 0) { throw 'our entries are still there, so the program stays; see above for what to do first' }
            }
        }
        Step "remove $Prefix" { Remove-Item -LiteralPath $Prefix -Recurse -Force -ErrorAction SilentlyContinue }
        return
    }

    $Python = Find-Python
    $Token = $env:CRONTOPUS_ENROLL_TOKEN
    Remove-Item Env:\CRONTOPUS_ENROLL_TOKEN -ErrorAction SilentlyContinue
    if ($TokenStdin) { $Token = [Console]::In.ReadLine() }
    if (-not $Token -and -not $DryRun -and -not (Test-Path -LiteralPath $Config)) {
        throw 'no enrollment token: set CRONTOPUS_ENROLL_TOKEN, or pipe one in with -TokenStdin'
    }

    $Version = Join-Path (Join-Path $Prefix 'versions') $PackageSha256
    $Agent = Join-Path $Version 'crontopus-agent.py'
    if (Test-Path -LiteralPath $Version) {
        Write-Output "the program is there already: $Version"
    } else {
        Step "download $PackageUrl, check that its SHA-256 is $PackageSha256, unpack it to $Version" {
            [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
            $Scratch = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString())
            New-Item -ItemType Directory -Path $Scratch | Out-Null
            try {
                $Package = Join-Path $Scratch 'package.tar.gz'
                Invoke-WebRequest -UseBasicParsing -Uri $PackageUrl -OutFile $Package
                $Found = (Get-FileHash -LiteralPath $Package -Algorithm SHA256).Hash.ToLowerInvariant()
                if ($Found -ne $PackageSha256) {
                    throw "the package is not the one this installer was made for: SHA-256 is $Found, expected $PackageSha256. Nothing was installed"
                }
                $Unpacked = Join-Path $Scratch 'version'
                New-Item -ItemType Directory -Path $Unpacked | Out-Null
                & tar.exe -xzf $Package -C $Unpacked
                if ($LASTEXITCODE -ne 0) { throw 'the package cannot be unpacked' }
                & $Python -I (Join-Path $Unpacked 'crontopus-agent.py') version | Out-Null
                if ($LASTEXITCODE -ne 0) { throw 'the agent does not run on this machine; nothing was installed' }
                New-Item -ItemType Directory -Force -Path (Split-Path $Version) | Out-Null
                Move-Item -LiteralPath $Unpacked -Destination $Version
            } finally {
                Remove-Item -LiteralPath $Scratch -Recurse -Force -ErrorAction SilentlyContinue
            }
        }
    }
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
    Step "start the agent now and with the machine, as the task $TaskName" {
        $Run = New-ScheduledTaskAction -Execute $Python -Argument ('-I "{0}" run' -f $Agent)
        $When = if ($ForUser) { New-ScheduledTaskTrigger -AtLogOn } else { New-ScheduledTaskTrigger -AtStartup }
        $How = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit ([TimeSpan]::Zero)
        $Extra = @{}
        if (-not $ForUser) { $Extra = @{ User = 'SYSTEM'; RunLevel = 'Highest' } }
        Register-ScheduledTask -TaskName $TaskName -Action $Run -Trigger $When -Settings $How -Force @Extra | Out-Null
        Start-ScheduledTask -TaskName $TaskName
    }
}

# The last line: of a download that broke off nothing runs.
Install-Crontopus
