//! What a commit says: a subject for people, lines about the records that changed, trailers for people
//! and tools; and reading that back, whoever wrote it.

/// A commit's message: one line for people, trailers for people and tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// One line that says what happened.
    pub subject: String,
    /// Key and value each, as in `Order-Id: 0193..`; line breaks in values are escaped.
    pub trailers: Vec<(String, String)>,
}

/// What an operation says of its own run.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// In place of the message's subject.
    pub(crate) subject: Option<String>,
    /// Whole lines.
    pub(crate) body: String,
}

impl Message {
    /// The text of the commit: subject, body and trailers, an empty line between them.
    pub(crate) fn text(&self, account: &Account) -> String {
        let mut text = one_line(account.subject.as_ref().unwrap_or(&self.subject));
        text.push('\n');
        if !account.body.is_empty() {
            text.push('\n');
            text.push_str(&account.body);
        }
        if !self.trailers.is_empty() {
            text.push('\n');
        }
        for (key, value) in &self.trailers {
            let key: String = key
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect();
            text.push_str(&key);
            text.push_str(": ");
            text.push_str(&one_line(value));
            text.push('\n');
        }
        text
    }
}

/// One line of what may hold line breaks and control characters: they are escaped.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

/// Subject and trailers of a message, whoever wrote it.
pub(crate) fn parse_message(text: &str) -> (String, Vec<(String, String)>) {
    let mut paragraphs = text.trim().split("\n\n");
    let subject = paragraphs
        .next()
        .and_then(|first| first.lines().next())
        .unwrap_or("")
        .to_owned();
    let Some(last) = paragraphs.last() else {
        return (subject, Vec::new());
    };
    let trailer = |line: &str| {
        let (key, value) = line.split_once(": ")?;
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        is_key.then(|| (key.to_owned(), value.to_owned()))
    };
    let trailers: Option<Vec<_>> = last.lines().map(trailer).collect();
    (subject, trailers.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_one_line_and_trailers() {
        let message = Message {
            subject: "decrement stock\nof T-shirt\u{1b}[2J".to_owned(),
            trailers: vec![
                ("Order-Id".to_owned(), "o-1\r\nEvil: yes".to_owned()),
                ("bad key:".to_owned(), "é 🍺".to_owned()),
            ],
        };
        let text = message.text(&Account::default());
        assert_eq!(
            text,
            "decrement stock\\nof T-shirt\\u{1b}[2J\n\nOrder-Id: o-1\\r\\nEvil: yes\nbad-key-: é 🍺\n"
        );
        let (subject, trailers) = parse_message(&text);
        assert_eq!(subject, "decrement stock\\nof T-shirt\\u{1b}[2J");
        assert_eq!(
            trailers,
            [
                ("Order-Id".to_owned(), "o-1\\r\\nEvil: yes".to_owned()),
                ("bad-key-".to_owned(), "é 🍺".to_owned())
            ]
        );
    }

    #[test]
    fn other_peoples_messages_have_a_subject_too() {
        assert_eq!(
            parse_message("fix it\n\nbecause of this\nand that: here\n"),
            ("fix it".to_owned(), vec![])
        );
        assert_eq!(parse_message(""), (String::new(), vec![]));
        assert_eq!(parse_message("a\nb\n"), ("a".to_owned(), vec![]));
    }

    #[test]
    fn the_body_stands_between_and_is_not_taken_for_trailers() {
        let account = Account {
            subject: Some("restock 1 product".to_owned()),
            body: "stock/a: stock_level 5 -> 3\nold/: dropped, 2 records\nand 3 more\n".to_owned(),
        };
        let mut message = Message {
            subject: "restock".to_owned(),
            trailers: vec![("Order-Id".to_owned(), "o-1".to_owned())],
        };
        assert_eq!(
            message.text(&account),
            "restock 1 product\n\nstock/a: stock_level 5 -> 3\nold/: dropped, 2 records\nand 3 more\n\nOrder-Id: o-1\n"
        );
        let subject = "restock 1 product".to_owned();
        assert_eq!(
            parse_message(&message.text(&account)),
            (subject, message.trailers.clone())
        );
        message.trailers.clear();
        for body in [
            "stock/a: new\n",
            "old/: dropped, 2 records\n",
            &account.body,
        ] {
            let account = Account {
                subject: None,
                body: body.to_owned(),
            };
            let (_, trailers) = parse_message(&message.text(&account));
            assert_eq!(trailers, [], "{body}");
        }
    }
}
