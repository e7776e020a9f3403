//! Names that become paths: tables and ids. One grammar that every file system, git and a URL take
//! as they are, so that no name can leave `db/` or meet another one by accident.

use crate::Error;
use crate::json::sha256_hex;
use unicode_normalization::UnicodeNormalization;

/// Longest name of a table, in bytes.
pub(crate) const TABLE_BYTES_MAX: usize = 64;
/// Longest `_id`, in bytes: with `.json` it fits the 255 bytes of common file systems.
pub(crate) const ID_BYTES_MAX: usize = 200;

/// Refuses a table whose name cannot be a directory everywhere.
pub(crate) fn check_table(name: &str) -> Result<(), Error> {
    check("table", name, TABLE_BYTES_MAX)
}

/// Refuses an `_id` that cannot be a file name everywhere.
pub(crate) fn check_id(name: &str) -> Result<(), Error> {
    check("_id", name, ID_BYTES_MAX)
}

fn check(what: &'static str, name: &str, bytes_max: usize) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "it is empty".to_owned()
    } else if name.len() > bytes_max {
        format!(
            "it has {} bytes, at most {bytes_max} are allowed",
            name.len()
        )
    } else if let Some(c) = name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')))
    {
        format!("it holds {c:?}; letters a-z, digits, '_', '-' and '.' are allowed")
    } else if name.starts_with(['.', '-']) {
        "it must start with a letter, a digit or '_'".to_owned()
    } else if name.ends_with('.') {
        "it ends with a dot".to_owned()
    } else if is_reserved(name) {
        "its stem is a device name on Windows".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Name {
        what,
        name: name.to_owned(),
        reason,
    })
}

/// CON, PRN, AUX, NUL, COM1-9, LPT1-9, whatever follows the first dot.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && matches!(stem.as_bytes()[3], b'1'..=b'9'))
}

/// What a file system that ignores case or Unicode form makes of a name.
pub(crate) fn fold(name: &str) -> String {
    match name.is_ascii() {
        true => name.to_ascii_lowercase(),
        false => name.nfc().flat_map(char::to_lowercase).nfc().collect(),
    }
}

/// Whether two different names are one on a file system that ignores case or Unicode form.
pub(crate) fn clash(one: &str, other: &str) -> bool {
    if one == other {
        return false;
    }
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    fold(one) == fold(other)
}

/// Refuses a new table whose directory would meet that of another one on a file system that ignores
/// case or Unicode form.
pub(crate) fn check_new_table(name: &str, others: &[String]) -> Result<(), Error> {
    match others.iter().find(|other| clash(other, name)) {
        None => Ok(()),
        Some(other) => Err(Error::Name {
            what: "table",
            name: name.to_owned(),
            reason: format!("table {other:?} differs from it only by case or Unicode form"),
        }),
    }
}

/// The directory of `id` in a table that is fanned out: its first two hex digits where the id is a
/// SHA-256, else those of the SHA-256 of the id. An id made of the time, as a version 7 UUID is,
/// would put all of a year into one directory.
///
/// Ids that differ by case alone share a directory, so that they are found to clash.
pub(crate) fn fan(id: &str) -> String {
    let id = id.to_ascii_lowercase();
    let is_sha256 = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    match is_sha256 {
        true => id[..2].to_owned(),
        false => sha256_hex(id.as_bytes())[..2].to_owned(),
    }
}

/// Whether a directory in a table is one of a fan-out.
pub(crate) fn is_fan(directory: &str) -> bool {
    directory.len() == 2
        && directory
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_tricks_are_refused_as_table_and_as_id() {
        for name in [
            "",
            ".",
            "..",
            "../x",
            "/etc",
            "a/b",
            "a\\b",
            ".git",
            "git~1",
            "a:b",
            "a b",
            "a\0b",
            "a\nb",
            "a\u{200b}b",
            "-x",
            "x.",
            "con",
            "AUX.json",
            "nul.a.b",
            "Com1",
            "lpt9.x",
            "ü",
            "%2e",
        ] {
            assert!(check_table(name).is_err(), "table {name:?}");
            assert!(check_id(name).is_err(), "_id {name:?}");
        }
    }

    #[test]
    fn ordinary_names_are_taken() {
        for name in [
            "a",
            "_",
            "0",
            "stock_movements",
            "com10",
            "com",
            "lpt0",
            "a..b",
            "x.json",
            "aUx1",
        ] {
            check_table(name).unwrap();
            check_id(name).unwrap();
        }
        check_id("0193a5c2-7b1e-7cc0-8d2f-0123456789ab").unwrap();
    }

    #[test]
    fn lengths_end_at_the_limit() {
        check_table(&"t".repeat(TABLE_BYTES_MAX)).unwrap();
        assert!(check_table(&"t".repeat(TABLE_BYTES_MAX + 1)).is_err());
        check_id(&"i".repeat(ID_BYTES_MAX)).unwrap();
        assert!(check_id(&"i".repeat(ID_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn names_that_differ_by_case_or_form_clash() {
        assert!(clash("Order-1", "order-1"));
        assert!(clash("caf\u{e9}", "cafe\u{301}"));
        assert!(clash("CAF\u{c9}", "cafe\u{301}"));
        assert!(clash("\u{212a}", "k"), "the Kelvin sign");
        assert!(!clash("a", "a"));
        assert!(!clash("a", "b"));
    }

    #[test]
    fn fan_is_two_lower_case_hex_digits() {
        assert_eq!(fan("ab12"), "59");
        assert_eq!(fan("AB12"), "59");
        assert_eq!(fan(&"aB".repeat(32)), "ab");
        assert_eq!(fan(&"ab".repeat(33)), "fc");
        assert!(is_fan("0f"));
        assert!(!is_fan("0F"));
        assert!(!is_fan("0f0"));
        assert!(!is_fan("zz"));
    }
}
