//! Shell completions and manual pages, made from the command line's own definition, so that they
//! cannot say anything else than it does.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Completions, Manual};
use crate::run::mission::Exit;
use crate::run::voice;

/// Writes the completions of a shell, or puts them where that shell looks for them.
pub fn completions(wanted: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut Cli::command(), "ttyscope", &mut script);
    let Some(named) = &wanted.install else {
        voice::text(&format_args!("{}", String::from_utf8_lossy(&script)));
        return Ok(Exit::Done);
    };
    let dir = folder(named.as_deref(), completions_dir(wanted.shell))?;
    let name = match wanted.shell {
        Shell::Zsh => "_ttyscope",
        Shell::Fish => "ttyscope.fish",
        Shell::Elvish => "ttyscope.elv",
        Shell::PowerShell => "ttyscope.ps1",
        _ => "ttyscope",
    };
    install(&dir, &[(name.to_owned(), script)])?;
    let note = match wanted.shell {
        Shell::Zsh => "; its folder has to be in fpath before compinit",
        Shell::Elvish | Shell::PowerShell => "; load it in the shell's own start-up file",
        _ => "; new shells find it by themselves",
    };
    voice::text(&format_args!("{}{note}\n", dir.join(name).display()));
    Ok(Exit::Done)
}

/// Writes the manual page, or puts it and one for each verb where `man` looks for them.
pub fn manual(wanted: &Manual) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    // Gives the verbs their full names: `ttyscope record`.
    command.build();
    let Some(named) = &wanted.install else {
        let page = page(&command)?;
        voice::text(&format_args!("{}", String::from_utf8_lossy(&page)));
        return Ok(Exit::Done);
    };
    let dir = folder(
        named.as_deref(),
        data_home().map(|data| data.join("man/man1")),
    )?;
    let mut pages = vec![("ttyscope.1".to_owned(), page(&command)?)];
    for verb in command.get_subcommands() {
        if verb.get_name() != "help" {
            let name = format!("ttyscope-{}", verb.get_name());
            let verb = verb.clone().display_name(name.clone());
            pages.push((format!("{name}.1"), page(&verb)?));
        }
    }
    install(&dir, &pages)?;
    voice::text(&format_args!(
        "{} pages in {}: man ttyscope, man ttyscope-record\n",
        pages.len(),
        dir.display()
    ));
    Ok(Exit::Done)
}

fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .context("the manual page cannot be made")?;
    Ok(page)
}

/// Where a shell looks for the completions of a user. Source: the manuals of bash-completion,
/// fish and Elvish; zsh and PowerShell have no such place, and get one beside their own files.
fn completions_dir(shell: Shell) -> Option<PathBuf> {
    let (data, config) = (data_home()?, config_home()?);
    Some(match shell {
        Shell::Zsh => data.join("zsh/site-functions"),
        Shell::Fish => config.join("fish/completions"),
        Shell::Elvish => config.join("elvish/lib"),
        Shell::PowerShell => config.join("powershell"),
        _ => data.join("bash-completion/completions"),
    })
}

fn data_home() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    Some(etcetera::choose_base_strategy().ok()?.data_dir())
}

fn config_home() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    Some(etcetera::choose_base_strategy().ok()?.config_dir())
}

fn folder(named: Option<&Path>, usual: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    named
        .map(Path::to_owned)
        .or(usual)
        .ok_or_else(|| anyhow!("there is no home folder here: name one, --install=DIR"))
}

/// Writes the files, replacing those of an earlier release.
fn install(dir: &Path, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let why = |error: std::io::Error, path: &Path| match error.kind() {
        ErrorKind::PermissionDenied => anyhow!(
            "{} may not be written: name another folder, --install=DIR",
            path.display()
        ),
        _ => anyhow!("{} cannot be written: {error}", path.display()),
    };
    std::fs::create_dir_all(dir).map_err(|error| why(error, dir))?;
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|error| why(error, &path))?;
    }
    Ok(())
}
