//! Searches: a request's filter, sort order and page become one SQL statement.
//!
//! What can be asked is a table of fields for each resource (see `rest`); only texts of these
//! tables get into the statement, all values of a request are bound.

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Row};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// How many items a page has if the request does not say.
const LIMIT_DEFAULT: u64 = 100;

/// How many items a page may have, as in Camunda's API.
const LIMIT_MAX: u64 = 10_000;

/// How many characters of a long text a search gives, as in Camunda's API.
const TEXT_CHARS_MAX: usize = 8191;

/// Something that can be searched.
pub(crate) struct Resource {
    /// The `FROM` clause.
    pub from: &'static str,
    /// What an item has, in the order of the answer.
    pub fields: &'static [Field],
    /// What can be filtered by beside the fields.
    pub conditions: &'static [Field],
    /// The field that names an item; also the last sort criterion.
    pub key: &'static str,
    /// The filter by a list of variables: SQL with the parameters name, value, value.
    pub variables: Option<&'static str>,
}

/// A field of a resource.
pub(crate) struct Field {
    /// As in the API.
    pub name: &'static str,
    /// The expression that gives it.
    pub sql: &'static str,
    /// How it is written.
    pub kind: Kind,
}

/// How a field is stored and written.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A 64-bit key, in the API a string.
    Key,
    /// A text.
    Text,
    /// A text whose first 64 characters are indexed.
    LongText,
    /// A number.
    Integer,
    /// 0 or 1.
    Boolean,
    /// Milliseconds since 1970, in the API RFC 3339.
    Time,
    /// A number that stands for one of these names.
    Choice(&'static [&'static str]),
}

/// Why a search was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// The request is wrong.
    #[error("{0}")]
    Request(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] super::Error),
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

fn refuse<T>(text: String) -> Result<T, QueryError> {
    Err(QueryError::Request(text))
}

/// A search request as it came: JSON, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Search {
    filter: Map<String, Value>,
    sort: Vec<(String, bool)>,
    from: u64,
    limit: u64,
    /// Long texts are given whole.
    pub full_values: bool,
}

impl Search {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// Names what in it is wrong.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, QueryError> {
        let mut search = Self {
            limit: LIMIT_DEFAULT,
            ..Self::default()
        };
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(search);
        }
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return refuse(format!("the request body is not JSON: {error}")),
        };
        let Value::Object(body) = body else {
            return refuse("the request body must be a JSON object".into());
        };
        for (name, value) in body {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("filter", Value::Object(filter)) => search.filter = filter,
                ("sort", Value::Array(sort)) => {
                    for criterion in &sort {
                        search.sort.push(parse_sort(criterion)?);
                    }
                }
                ("page", Value::Object(page)) => search.parse_page(&page)?,
                ("filter" | "page", _) => return refuse(format!("'{name}' must be an object")),
                ("sort", _) => return refuse("'sort' must be a list".into()),
                _ => {
                    return refuse(format!(
                        "unknown property '{name}': a search has filter, sort and page"
                    ));
                }
            }
        }
        Ok(search)
    }

    fn parse_page(&mut self, page: &Map<String, Value>) -> Result<(), QueryError> {
        for (name, value) in page {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("from", value) => match value.as_u64() {
                    Some(from) => self.from = from,
                    None => return refuse("'page.from' must be 0 or more".into()),
                },
                ("limit", value) => match value.as_u64() {
                    Some(limit @ 0..=LIMIT_MAX) => self.limit = limit,
                    _ => {
                        return refuse(format!(
                            "'page.limit' must be a number from 0 to {LIMIT_MAX}"
                        ));
                    }
                },
                ("after", Value::String(cursor)) => match parse_cursor(cursor) {
                    Some(at) => self.from = at + 1,
                    None => return refuse(format!("'page.after' is no cursor: '{cursor}'")),
                },
                ("before", Value::String(cursor)) => match parse_cursor(cursor) {
                    Some(at) => {
                        let end = at;
                        self.from = end.saturating_sub(self.limit);
                        self.limit = self.limit.min(end);
                    }
                    None => return refuse(format!("'page.before' is no cursor: '{cursor}'")),
                },
                _ => return refuse(format!("'page.{name}' is not known or of a wrong type")),
            }
        }
        Ok(())
    }
}

fn parse_sort(criterion: &Value) -> Result<(String, bool), QueryError> {
    let Some(field) = criterion.get("field").and_then(Value::as_str) else {
        return refuse("each 'sort' criterion needs a 'field'".into());
    };
    let order = criterion.get("order").and_then(Value::as_str);
    let descending = match order.unwrap_or("ASC").to_ascii_uppercase().as_str() {
        "ASC" => false,
        "DESC" => true,
        other => return refuse(format!("'sort.order' must be ASC or DESC, not '{other}'")),
    };
    Ok((field.to_owned(), descending))
}

/// A cursor is an item's place in the result: clients treat it as opaque.
fn cursor(at: u64) -> String {
    format!("p{at:x}")
}

fn parse_cursor(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix('p')?, 16).ok()
}

/// Runs a search: `items` and `page`, as the API has them.
///
/// # Errors
///
/// If the request asks for what there is not, or the database fails.
pub(crate) fn search(
    db: &Connection,
    resource: &Resource,
    search: &Search,
) -> Result<Value, QueryError> {
    let mut filter = Filter::default();
    for (name, value) in &search.filter {
        filter.add(resource, name, value)?;
    }
    let Filter { sql, values } = filter;
    let total: i64 = db
        .prepare_cached(&format!(
            "SELECT count(*) FROM {} WHERE true{sql}",
            resource.from
        ))?
        .query_row(rusqlite::params_from_iter(&values), |row| row.get(0))?;
    let mut order = String::new();
    for (name, descending) in &search.sort {
        let Some(field) = resource.fields.iter().find(|field| field.name == name) else {
            return refuse(format!("cannot sort by '{name}': there is no such field"));
        };
        let direction = if *descending { "DESC" } else { "ASC" };
        write!(order, "{} {direction}, ", field.sql)
            .expect("a string takes all that is written to it");
    }
    let statement = format!(
        "SELECT {} FROM {} WHERE true{sql} ORDER BY {order}{} LIMIT {} OFFSET {}",
        columns(resource),
        resource.from,
        key_sql(resource),
        search.limit,
        search.from.min(i64::MAX.unsigned_abs()),
    );
    let mut statement = db.prepare_cached(&statement)?;
    let mut rows = statement.query(rusqlite::params_from_iter(&values))?;
    let mut items: Vec<Value> = Vec::new();
    while let Some(row) = rows.next()? {
        let mut item = item(resource, row)?;
        if !search.full_values {
            truncate(resource, &mut item);
        }
        items.push(item.into());
    }
    let (start, end) = match items.len() as u64 {
        0 => (Value::Null, Value::Null),
        n => (
            cursor(search.from).into(),
            cursor(search.from + n - 1).into(),
        ),
    };
    Ok(json!({
        "items": items,
        "page": {
            "totalItems": total,
            "startCursor": start,
            "endCursor": end,
            "hasMoreTotalItems": false,
        },
    }))
}

/// The one item with this key; `None` if there is none.
///
/// # Errors
///
/// If the database fails.
pub(crate) fn get(
    db: &Connection,
    resource: &Resource,
    key: i64,
) -> Result<Option<Value>, QueryError> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {} FROM {} WHERE {} = ?",
        columns(resource),
        resource.from,
        key_sql(resource)
    ))?;
    let mut rows = statement.query([key])?;
    match rows.next()? {
        Some(row) => Ok(Some(item(resource, row)?.into())),
        None => Ok(None),
    }
}

fn columns(resource: &Resource) -> String {
    let columns: Vec<_> = resource.fields.iter().map(|field| field.sql).collect();
    columns.join(", ")
}

fn key_sql(resource: &Resource) -> &'static str {
    let key = resource
        .fields
        .iter()
        .find(|field| field.name == resource.key);
    key.expect("a resource's key is one of its fields").sql
}

fn item(resource: &Resource, row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let mut item = Map::new();
    for (index, field) in resource.fields.iter().enumerate() {
        let value = match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => integer_to_json(field.kind, number),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            ValueRef::Real(number) => json!(number),
            ValueRef::Blob(_) => unreachable!("no field is a blob"),
        };
        item.insert(field.name.to_owned(), value);
    }
    Ok(item)
}

/// Cuts long texts, and says so in `isTruncated`.
fn truncate(resource: &Resource, item: &mut Map<String, Value>) {
    let long_texts = resource
        .fields
        .iter()
        .filter(|field| matches!(field.kind, Kind::LongText));
    for field in long_texts {
        if let Some(Value::String(text)) = item.get_mut(field.name)
            && let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX)
        {
            text.truncate(end);
            item.insert("isTruncated".to_owned(), true.into());
        }
    }
}

fn integer_to_json(kind: Kind, number: i64) -> Value {
    match kind {
        Kind::Key => number.to_string().into(),
        Kind::Boolean => (number != 0).into(),
        Kind::Time => rfc3339(number).into(),
        Kind::Choice(names) => {
            let name = usize::try_from(number).ok().and_then(|at| names.get(at));
            name.map_or(Value::Null, |name| (*name).into())
        }
        Kind::Integer | Kind::Text | Kind::LongText => number.into(),
    }
}

/// As Camunda writes times: UTC, milliseconds.
fn rfc3339(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => ms.to_string(),
    }
}

/// A growing `WHERE` clause.
#[derive(Default)]
struct Filter {
    sql: String,
    values: Vec<Sql>,
}

impl Filter {
    fn add(&mut self, resource: &Resource, name: &str, value: &Value) -> Result<(), QueryError> {
        if let (Some(sql), "variables") = (resource.variables, name) {
            return self.add_variables(sql, value);
        }
        let mut fields = resource.fields.iter().chain(resource.conditions);
        let Some(field) = fields.find(|field| field.name == name) else {
            return refuse(format!("unknown filter '{name}'"));
        };
        match value {
            Value::Null => Ok(()),
            Value::Object(operators) => operators
                .iter()
                .try_for_each(|(operator, value)| self.add_operator(field, operator, value)),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.add_operator(field, "$eq", value)
            }
            Value::Array(_) => refuse(format!(
                "the filter '{name}' must be a value or an object of operators such as $in"
            )),
        }
    }

    fn add_operator(
        &mut self,
        field: &Field,
        operator: &str,
        value: &Value,
    ) -> Result<(), QueryError> {
        let sql = field.sql;
        match operator {
            "$eq" => {
                let value = bind(field, value)?;
                if matches!(field.kind, Kind::LongText) {
                    // The index holds just the heads.
                    self.push(
                        &format!("substr({sql}, 1, 64) = substr(?, 1, 64)"),
                        [value.clone()],
                    );
                }
                match (field.kind, &value) {
                    // A constant, since the indices over what is active are for one.
                    (Kind::Choice(_), Sql::Integer(n)) => self.push(&format!("{sql} = {n}"), []),
                    _ => self.push(&format!("{sql} = ?"), [value]),
                }
            }
            "$neq" => self.push(&format!("{sql} IS NOT ?"), [bind(field, value)?]),
            "$in" | "$notIn" => {
                let Some(list) = value.as_array() else {
                    return refuse(format!("'{}.{operator}' must be a list", field.name));
                };
                let values: Result<Vec<_>, _> =
                    list.iter().map(|value| bind(field, value)).collect();
                let values = values?;
                let marks = vec!["?"; values.len()].join(", ");
                let not = if operator == "$in" { "" } else { "NOT " };
                self.push(&format!("{sql} {not}IN ({marks})"), values);
            }
            "$exists" => match value.as_bool() {
                Some(true) => self.push(&format!("{sql} IS NOT NULL"), []),
                Some(false) => self.push(&format!("{sql} IS NULL"), []),
                None => return refuse(format!("'{}.$exists' must be true or false", field.name)),
            },
            "$gt" => self.push(&format!("{sql} > ?"), [bind(field, value)?]),
            "$gte" => self.push(&format!("{sql} >= ?"), [bind(field, value)?]),
            "$lt" => self.push(&format!("{sql} < ?"), [bind(field, value)?]),
            "$lte" => self.push(&format!("{sql} <= ?"), [bind(field, value)?]),
            "$like" => {
                let Some(pattern) = value.as_str() else {
                    return refuse(format!("'{}.$like' must be a text", field.name));
                };
                let pattern = Sql::Text(like_pattern(pattern));
                self.push(&format!("{sql} LIKE ? ESCAPE '\\'"), [pattern]);
            }
            _ => {
                return refuse(format!(
                    "unknown operator '{operator}' in the filter '{}'",
                    field.name
                ));
            }
        }
        Ok(())
    }

    /// `[{"name": .., "value": ..}, ..]`: all of them.
    fn add_variables(&mut self, sql: &str, value: &Value) -> Result<(), QueryError> {
        let Some(list) = value.as_array() else {
            return refuse("the filter 'variables' must be a list of name and value".into());
        };
        for variable in list {
            let name = variable.get("name").and_then(Value::as_str);
            let value = match variable.get("value") {
                Some(Value::Object(operators)) => operators.get("$eq").and_then(Value::as_str),
                Some(value) => value.as_str(),
                None => None,
            };
            let (Some(name), Some(value)) = (name, value) else {
                return refuse(
                    "each of the filter 'variables' needs a 'name' and a 'value' that is JSON \
                     text"
                        .into(),
                );
            };
            let text = |text: &str| Sql::Text(text.to_owned());
            self.push(sql, [text(name), text(value), text(value)]);
        }
        Ok(())
    }

    fn push(&mut self, condition: &str, values: impl IntoIterator<Item = Sql>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }
}

/// A request's value as the column holds it.
fn bind(field: &Field, value: &Value) -> Result<Sql, QueryError> {
    let wrong = |what: &str| {
        refuse(format!(
            "the filter '{}' must be {what}, not {value}",
            field.name
        ))
    };
    match (field.kind, value) {
        (Kind::Key, Value::String(text)) => match text.parse() {
            Ok(key) => Ok(Sql::Integer(key)),
            Err(_) => wrong("a key"),
        },
        (Kind::Key | Kind::Integer, Value::Number(number)) => match number.as_i64() {
            Some(number) => Ok(Sql::Integer(number)),
            None => wrong("a whole number"),
        },
        (Kind::Key, _) => wrong("a key"),
        (Kind::Integer, _) => wrong("a whole number"),
        (Kind::Text | Kind::LongText, Value::String(text)) => Ok(Sql::Text(text.clone())),
        (Kind::Text | Kind::LongText, _) => wrong("a text"),
        (Kind::Boolean, Value::Bool(value)) => Ok(Sql::Integer((*value).into())),
        (Kind::Boolean, _) => wrong("true or false"),
        (Kind::Time, Value::String(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Sql::Integer(time.as_millisecond())),
            Err(_) => wrong("a time such as 2026-01-31T12:00:00Z"),
        },
        (Kind::Time, _) => wrong("a time"),
        (Kind::Choice(names), Value::String(text)) => {
            match names.iter().position(|name| name == text) {
                Some(at) => Ok(Sql::Integer(i64::try_from(at).expect("a few names"))),
                None => wrong(&format!("one of {}", names.join(", "))),
            }
        }
        (Kind::Choice(names), _) => wrong(&format!("one of {}", names.join(", "))),
    }
}

/// Camunda's `*` and `?` as SQL's `%` and `_`; a backslash takes their meaning away.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => pattern.push('%'),
            '?' => pattern.push('_'),
            '\\' => match chars.next() {
                Some(c @ ('*' | '?')) => pattern.push(c),
                Some(c) => pattern.extend(['\\', '\\', c]),
                None => pattern.push_str("\\\\"),
            },
            '%' | '_' => pattern.extend(['\\', c]),
            c => pattern.push(c),
        }
    }
    pattern
}
