//! Which licences may be linked, read from the SPDX expression of every package.

use crate::metadata::Package;

/// Licences that ask for no more than their text: anybody may sell a product on them.
/// `deny.toml` repeats the list for those who have cargo-deny; a test compares the two.
const ALLOWED: [&str; 12] = [
    "Apache-2.0",
    "MIT",
    // MIT without its one condition.
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
    "ISC",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
];

/// Names each package whose licence is not on the list.
pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .filter_map(|package| {
            let problem = match package.licence.as_deref().map(allowed) {
                Some(Ok(true)) => return None,
                Some(Ok(false)) => "is not on the list of crates/xtask/src/licences.rs".to_owned(),
                Some(Err(reason)) => format!("cannot be read: {reason}"),
                None => "is not stated in its manifest".to_owned(),
            };
            Some(format!(
                "{} {}: its licence '{}' {problem}",
                package.name,
                package.version,
                package.licence.as_deref().unwrap_or_default()
            ))
        })
        .collect()
}

/// Whether an SPDX expression leaves a choice that the list allows.
///
/// `/` is the OR of older manifests. `WITH` only adds permissions, so its exception is not looked at.
fn allowed(expression: &str) -> Result<bool, String> {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let result = any(&mut words)?;
    match words.next() {
        None => Ok(result),
        Some(word) => Err(format!("'{word}' was not expected")),
    }
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>) -> Result<bool, String> {
    let mut result = all(words)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= all(words)?;
    }
    Ok(result)
}

fn all(words: &mut Words<'_>) -> Result<bool, String> {
    let mut result = single(words)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= single(words)?;
    }
    Ok(result)
}

fn single(words: &mut Words<'_>) -> Result<bool, String> {
    let word = words.next().ok_or("it ends too early")?;
    if word == "(" {
        let result = any(words)?;
        return match words.next() {
            Some(")") => Ok(result),
            _ => Err("a ')' is missing".to_owned()),
        };
    }
    if ["OR", "AND", "WITH", ")"].contains(&word) {
        return Err(format!("'{word}' was not expected"));
    }
    if words.next_if_eq(&"WITH").is_some() {
        words.next().ok_or("it ends after WITH")?;
    }
    Ok(ALLOWED.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: Result<bool, &str>) {
        assert_eq!(
            allowed(expression),
            expected.map_err(str::to_owned),
            "{expression}"
        );
    }

    #[test]
    fn a_choice_is_enough_and_a_sum_needs_all() {
        check("MIT", Ok(true));
        check("GPL-3.0-only", Ok(false));
        check("Unlicense OR MIT", Ok(true));
        check("Unlicense/MIT", Ok(true));
        check("MIT AND GPL-3.0-only", Ok(false));
        check("(MIT OR Apache-2.0) AND Unicode-3.0", Ok(true));
        check("GPL-2.0-only OR MIT AND Zlib", Ok(true));
        check(
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            Ok(true),
        );
        check("AGPL-3.0-only WITH some-exception", Ok(false));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        check("MIT OR", Err("it ends too early"));
        check("(MIT", Err("a ')' is missing"));
        check("MIT Apache-2.0", Err("'Apache-2.0' was not expected"));
        check("OR MIT", Err("'OR' was not expected"));
    }

    #[test]
    fn cargo_deny_has_the_same_list() {
        let deny = include_str!("../../../deny.toml");
        let (_, list) = deny.split_once("allow = [").unwrap();
        let (list, _) = list.split_once(']').unwrap();
        let mut theirs: Vec<_> = list
            .split(',')
            .map(|word| word.trim().trim_matches('"'))
            .filter(|word| !word.is_empty())
            .collect();
        let mut ours = ALLOWED.to_vec();
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(theirs, ours);
    }
}
