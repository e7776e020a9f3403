//! Where a record's file stands: `db/<table>/<_id>.json`, or one directory deeper in a table that is
//! fanned out.

use crate::name;
use crate::settings::Layout;

/// The folder of all tables.
pub(crate) const ROOT: &str = "db";
pub(crate) const SUFFIX: &str = ".json";

/// The path of a record's file in a table of that layout.
pub(crate) fn path_of(table: &str, id: &str, layout: Layout) -> String {
    match layout {
        Layout::Flat => format!("{ROOT}/{table}/{id}{SUFFIX}"),
        Layout::FanOut => format!("{ROOT}/{table}/{}/{id}{SUFFIX}", name::fan(id)),
    }
}

/// Table and id of the record whose file has this path.
pub(crate) fn record_of(path: &str) -> Option<(&str, &str)> {
    let (table, file) = path.strip_prefix("db/")?.split_once('/')?;
    let file = match file.split_once('/') {
        Some((fan, file)) if name::is_fan(fan) => file,
        _ => file,
    };
    let id = file.strip_suffix(SUFFIX)?;
    (!id.contains('/')).then_some((table, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_records() {
        assert_eq!(path_of("stock", "ab12", Layout::Flat), "db/stock/ab12.json");
        assert_eq!(
            path_of("stock", "ab12", Layout::FanOut),
            "db/stock/59/ab12.json"
        );
        assert_eq!(record_of("db/stock/ab12.json"), Some(("stock", "ab12")));
        assert_eq!(
            record_of("db/operations/ab/ab12.json"),
            Some(("operations", "ab12"))
        );
        assert_eq!(record_of("db/stock/x/y.json"), None);
        assert_eq!(record_of("db/stock/README.md"), None);
        assert_eq!(record_of("db/x.json"), None);
        assert_eq!(record_of("src/stock/x.json"), None);
    }
}
