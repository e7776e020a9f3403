//! Words of a picture: how wide they are, where a line breaks, how SVG writes them.
//!
//! Whoever looks at a picture has fonts of their own, so widths are estimates for a common
//! sans-serif face, and lines break a little early.

/// Size of all letters, in the diagram's units.
pub(super) const SIZE: f64 = 11.0;
/// From one line to the next.
pub(super) const LINE: f64 = 13.0;

/// Breaks a name into lines of at most `width`: at spaces, and in longer words behind a `_`.
pub(super) fn wrapped(name: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_whitespace() {
        for (place, piece) in pieces(word, width).into_iter().enumerate() {
            let joined = match (lines.last(), place) {
                (Some(line), 0) => format!("{line} {piece}"),
                (Some(line), _) => format!("{line}{piece}"),
                (None, _) => piece.to_owned(),
            };
            match lines.last_mut() {
                Some(line) if measure(&joined) <= width => *line = joined,
                _ => lines.push(piece.to_owned()),
            }
        }
    }
    lines
}

/// A word that is too long, cut behind each `_`; any other as it is.
fn pieces(word: &str, width: f64) -> Vec<&str> {
    if measure(word) <= width {
        return vec![word];
    }
    word.split_inclusive('_').collect()
}

/// About how wide a text is.
fn measure(text: &str) -> f64 {
    let ems: f64 = text.chars().map(ems).sum();
    ems * SIZE
}

fn ems(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | ' ' | '.' | ',' | '\'' | '?' | '(' | ')' => 0.35,
        'm' | 'w' | 'M' | 'W' => 0.87,
        'A'..='Z' => 0.69,
        _ => 0.56,
    }
}

/// A text as it stands in SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_in_long_words_behind_an_underscore() {
        let lines = |name, width| wrapped(name, width).join("|");
        assert_eq!(lines("Create Stock Record", 80.0), "Create Stock|Record");
        assert_eq!(lines("SHIPPED_TO_CUSTOMER", 110.0), "SHIPPED_TO_|CUSTOMER");
        assert_eq!(lines("yes", 10.0), "yes");
        assert_eq!(lines("unbreakable", 10.0), "unbreakable");
        assert_eq!(lines(" \n", 10.0), "");
    }

    #[test]
    fn nothing_of_a_name_is_markup() {
        assert_eq!(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
