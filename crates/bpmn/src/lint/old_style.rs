//! Expressions as they were written before FEEL: without `=` in front, `$.` for the variables, `==`,
//! `&&`, `||`, `!` and texts in single quotes.

use crate::expression::{is_plain_name, string_literal};

/// Operators that stood between values, and those of FEEL.
const OPERATORS: [(&str, &str); 3] = [("==", "="), ("&&", "and"), ("||", "or")];

/// The same as a FEEL expression, with its `=`; none where that would be guessing.
pub(super) fn as_feel(text: &str) -> Option<String> {
    let feel = translated(text.trim())?;
    feel::parse_expression(&feel).ok()?;
    Some(format!("={feel}"))
}

/// The same as a FEEL expression if nobody writes such a text for its own sake: it has an operator
/// of yesterday, or begins with `$.`.
pub(super) fn certainly_feel(text: &str) -> Option<String> {
    let is_old = text.starts_with("$.") || OPERATORS.iter().any(|(old, _)| text.contains(old));
    (is_old && !text.contains("{{"))
        .then(|| as_feel(text))
        .flatten()
}

/// A list as FEEL, with the names of it that are no variables as texts: `[beer, 2]`.
pub(super) fn as_list(text: &str, is_variable: impl Fn(&str) -> bool) -> Option<String> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let items: Vec<String> = inner
        .split(',')
        .map(|item| item.trim())
        .map(
            |item| match is_plain_name(item) && !is_variable(item) && !is_literal(item) {
                true => string_literal(item),
                false => item.to_owned(),
            },
        )
        .collect();
    as_feel(&format!("[{}]", items.join(", ")))
}

fn is_literal(name: &str) -> bool {
    matches!(name, "true" | "false" | "null")
}

/// Replaces what was written otherwise; strings stay as they are.
fn translated(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((old, new)) = OPERATORS.iter().find(|(old, _)| rest.starts_with(old)) {
            out.truncate(out.trim_end().len());
            out.extend([" ", new, " "]);
            rest = rest[old.len()..].trim_start();
            continue;
        }
        if let Some(path) = rest.strip_prefix("$.") {
            rest = path;
            continue;
        }
        if c == '!' && !rest.starts_with("!=") {
            let end = operand_end(&rest[1..])?;
            let operand = translated(&rest[1..1 + end])?;
            out.extend(["not(", &operand, ")"]);
            rest = &rest[1 + end..];
            continue;
        }
        let end = match c {
            '"' | '\'' => {
                let end = string_end(rest, c)?;
                out.push_str(&match c {
                    '"' => rest[..end].to_owned(),
                    _ => string_literal(&rest[1..end - 1]),
                });
                rest = &rest[end..];
                continue;
            }
            c => c.len_utf8(),
        };
        out.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    Some(out)
}

/// Where a string ends that `text` starts with, behind its quote.
fn string_end(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Where the path, or the group in parentheses, ends that `text` starts with.
fn operand_end(text: &str) -> Option<usize> {
    if !text.starts_with('(') {
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$');
        let end = text.find(|c| !is_path(c)).unwrap_or(text.len());
        return (end > 0).then_some(end);
    }
    let mut depth = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '"' | '\'' => {
                at += string_end(&text[at..], c)?;
                continue;
            }
            _ => {}
        }
        at += c.len_utf8();
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(old: &str, feel: &str) {
        assert_eq!(as_feel(old).as_deref(), Some(feel), "{old}");
    }

    #[test]
    fn what_was_written_otherwise_is_feel() {
        becomes("products", "=products");
        becomes("$.customer.email", "=customer.email");
        becomes("stock_level > 0", "=stock_level > 0");
        becomes("customer_charged == true", "=customer_charged = true");
        becomes("a==1&&b!=2", "=a = 1 and b!=2");
        becomes("a == 'x' || b == \"y\"", "=a = \"x\" or b = \"y\"");
        becomes("!paid", "=not(paid)");
        becomes("!(a && b) || $.c", "=not((a and b)) or c");
        becomes("a == 'it says \"x\"'", "=a = \"it says \\\"x\\\"\"");
    }

    #[test]
    fn strings_stay_as_they_are() {
        becomes("a == \"x == y && !z\"", "=a = \"x == y && !z\"");
        becomes("a == '!b $.c'", "=a = \"!b $.c\"");
    }

    #[test]
    fn what_cannot_be_told_is_left_to_its_author() {
        for text in ["a ==", "a == 'x", "!", "!(a", "a === b", "(", "\u{1f37a} !"] {
            assert_eq!(as_feel(text), None, "{text}");
        }
        for text in [
            "POST",
            "a.b.c",
            "5 > 4",
            "{{a == b}}",
            "https://example.org",
        ] {
            assert_eq!(certainly_feel(text), None, "{text}");
        }
        assert!(certainly_feel("$.a").is_some() && certainly_feel("a == b").is_some());
    }

    #[test]
    fn names_in_a_list_that_are_no_variables_are_texts() {
        let list = |text: &str| as_list(text, |name| name == "stock");
        assert_eq!(
            list("[beer, stock, 2, true, \"x\"]").as_deref(),
            Some("=[\"beer\", stock, 2, true, \"x\"]")
        );
        assert_eq!(list("[]").as_deref(), Some("=[]"));
        assert_eq!(list("[a"), None);
        assert_eq!(list("[a b c (]"), None);
    }
}
