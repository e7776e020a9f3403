//! The words after `cargo xtask release`.

use std::path::PathBuf;

/// One step of a release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Plan,
    Build,
    Pack,
    Lock,
    Verify,
    /// What one machine can do for its own target: all of them but `lock`.
    All,
}

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) step: Step,
    /// A target triple, instead of this machine's.
    pub(crate) target: Option<String>,
    /// Where the archives lie, instead of `target/archives`.
    pub(crate) out: Option<PathBuf>,
    /// The version that the workspace must have.
    pub(crate) version: Option<String>,
    /// Where programs to pack lie, instead of where `build` leaves them.
    pub(crate) bin_dir: Option<PathBuf>,
    /// The URL of the folder that the archives will be fetched from.
    pub(crate) source: Option<String>,
}

impl Order {
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let (step, flags) = match words {
            [word, flags @ ..] if !word.starts_with('-') => (step(word)?, flags),
            flags => (Step::All, flags),
        };
        let mut order = Self {
            step,
            target: None,
            out: None,
            version: None,
            bin_dir: None,
            source: None,
        };
        let mut flags = flags.iter();
        while let Some(flag) = flags.next() {
            let (name, inline) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag.as_str(), None),
            };
            if !order.takes(name) {
                return Err(format!("this step of 'release' takes no '{flag}'"));
            }
            let value = inline
                .or_else(|| flags.next().cloned())
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("'{name}' needs a value"))?;
            match name {
                "--target" => order.target = Some(triple(value)?),
                "--out" => order.out = Some(value.into()),
                "--version" => order.version = Some(value.trim_start_matches('v').to_owned()),
                "--bin-dir" => order.bin_dir = Some(value.into()),
                _ => order.source = Some(url(value)?),
            }
        }
        Ok(order)
    }

    fn takes(&self, flag: &str) -> bool {
        match flag {
            "--target" | "--out" | "--version" => true,
            "--bin-dir" => self.step == Step::Pack,
            "--source" => self.step == Step::Lock,
            _ => false,
        }
    }
}

fn step(word: &str) -> Result<Step, String> {
    Ok(match word {
        "plan" => Step::Plan,
        "build" => Step::Build,
        "pack" => Step::Pack,
        "lock" => Step::Lock,
        "verify" => Step::Verify,
        _ => {
            return Err(format!(
                "'release' has no step '{word}', but plan, build, pack, lock and verify"
            ));
        }
    })
}

/// It becomes a part of file names.
fn triple(word: String) -> Result<String, String> {
    let is_one = word.split('-').count() >= 3
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    is_one
        .then_some(word.clone())
        .ok_or_else(|| format!("'{word}' is no target triple such as x86_64-unknown-linux-musl"))
}

/// It becomes a word of a line in services.lock, which a shell script reads.
fn url(word: String) -> Result<String, String> {
    let is_one = (word.starts_with("https://") || word.starts_with("http://127.0.0.1:"))
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.~:/%+@".contains(c));
    is_one
        .then(|| word.trim_end_matches('/').to_owned())
        .ok_or_else(|| format!("'--source {word}' is no plain https:// URL of a folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Order, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Order::parse(&words)
    }

    #[test]
    fn reads_step_and_flags() {
        let order = parse("pack --target=a-b-c --out o --version v1.2.3 --bin-dir b").unwrap();
        assert_eq!(order.step, Step::Pack);
        assert_eq!(order.target.as_deref(), Some("a-b-c"));
        assert_eq!(order.out, Some("o".into()));
        assert_eq!(order.version.as_deref(), Some("1.2.3"));
        assert_eq!(order.bin_dir, Some("b".into()));
        assert_eq!(parse("--out o").unwrap().step, Step::All);
        let order = parse("lock --source https://a.b/c/").unwrap();
        assert_eq!(order.source.as_deref(), Some("https://a.b/c"));
    }

    #[track_caller]
    fn refused(line: &str, reason: &str) {
        assert_eq!(parse(line), Err(reason.to_owned()), "{line}");
    }

    #[test]
    fn refuses_what_would_end_up_in_a_file_name_or_a_script() {
        refused(
            "pakc",
            "'release' has no step 'pakc', but plan, build, pack, lock and verify",
        );
        refused(
            "build --bin-dir b",
            "this step of 'release' takes no '--bin-dir'",
        );
        refused("plan --target", "'--target' needs a value");
        refused(
            "plan --target ../../x",
            "'../../x' is no target triple such as x86_64-unknown-linux-musl",
        );
        refused(
            "lock --source https://a.b/$(x)",
            "'--source https://a.b/$(x)' is no plain https:// URL of a folder",
        );
        refused(
            "lock --source http://a.b/c",
            "'--source http://a.b/c' is no plain https:// URL of a folder",
        );
    }
}
