//! Where secrets come from: variables of the environment with a fixed prefix, and a file.
//!
//! No error quotes what it read, since a value may stand in the wrong place.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::{FIELDS_PREFIX, Field, HOSTS_PREFIX, PREFIX, SettingError};
use crate::host::HostRule;

/// A secret as the settings give it.
pub(super) struct Given {
    pub(super) value: String,
    pub(super) hosts: Option<Vec<HostRule>>,
    pub(super) fields: Option<Vec<Field>>,
}

/// Secrets by name; an empty variable is none.
pub(super) fn variables(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, Given>, SettingError> {
    let mut values = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    let mut fields = BTreeMap::new();
    for (variable, text) in variables {
        if let Some(name) = variable.strip_prefix(HOSTS_PREFIX) {
            hosts.insert(name.to_owned(), read_hosts(&variable, &text)?);
        } else if let Some(name) = variable.strip_prefix(FIELDS_PREFIX) {
            fields.insert(name.to_owned(), read_fields(&variable, text.split(','))?);
        } else if let Some(name) = variable.strip_prefix(PREFIX)
            && !text.trim().is_empty()
        {
            values.insert(name.to_owned(), text);
        }
    }
    let given = values.into_iter().map(|(name, value)| {
        let given = Given {
            value,
            hosts: hosts.remove(&name),
            fields: fields.remove(&name),
        };
        (name, given)
    });
    Ok(given.collect())
}

/// Secrets by name, from a JSON file: `{"NAME": {"value": "..", "hosts": [..], "fields": [..]}}`.
pub(super) fn file(path: &Path) -> Result<BTreeMap<String, Given>, SettingError> {
    let problem = |problem: String| SettingError::File {
        path: path.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    // Its syntax errors name a place and quote nothing.
    let json = serde_json::from_str(&text);
    let json: Value = json.map_err(|error| problem(format!("it is not JSON: {error}")))?;
    let Value::Object(entries) = json else {
        return Err(problem(
            "it must be an object of secrets by name".to_owned(),
        ));
    };
    let mut secrets = BTreeMap::new();
    for (name, entry) in entries {
        let Value::Object(entry) = entry else {
            let shape = format!("'{name}' must be an object with 'value' and 'hosts'");
            return Err(problem(shape));
        };
        let given = read_entry(&name, &entry).map_err(|error| match error {
            Entry::Problem(text) => problem(text),
            Entry::Setting(error) => error,
        })?;
        secrets.insert(name, given);
    }
    Ok(secrets)
}

enum Entry {
    Problem(String),
    Setting(SettingError),
}

fn read_entry(name: &str, entry: &Map<String, Value>) -> Result<Given, Entry> {
    let problem = |text: String| Entry::Problem(format!("'{name}': {text}"));
    if let Some(other) = entry
        .keys()
        .find(|key| !["value", "hosts", "fields"].contains(&key.as_str()))
    {
        let text = format!("'{other}' is none of 'value', 'hosts', 'fields'");
        return Err(problem(text));
    }
    let value = entry.get("value").and_then(Value::as_str);
    let value = value.filter(|value| !value.trim().is_empty());
    let value = value.ok_or_else(|| problem("'value' must be a text that is not empty".into()))?;
    let texts = |field: &str| -> Result<Option<Vec<&str>>, Entry> {
        let Some(value) = entry.get(field) else {
            return Ok(None);
        };
        let items = value
            .as_array()
            .map(|items| items.iter().map(Value::as_str));
        let texts = items.and_then(Iterator::collect::<Option<Vec<_>>>);
        let texts = texts.ok_or_else(|| problem(format!("'{field}' must be a list of texts")))?;
        Ok(Some(texts))
    };
    let place = |field: &str| format!("'{field}' of '{name}' in the secrets file");
    let hosts = texts("hosts")?.map(|hosts| read_hosts(&place("hosts"), &hosts.join(",")));
    let fields = texts("fields")?.map(|fields| read_fields(&place("fields"), fields));
    Ok(Given {
        value: value.to_owned(),
        hosts: hosts.transpose().map_err(Entry::Setting)?,
        fields: fields.transpose().map_err(Entry::Setting)?,
    })
}

fn read_hosts(place: &str, text: &str) -> Result<Vec<HostRule>, SettingError> {
    HostRule::list(text).map_err(|source| SettingError::Hosts {
        place: place.to_owned(),
        source,
    })
}

fn read_fields<'a>(
    place: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Field>, SettingError> {
    let names = names.into_iter().map(str::trim).filter(|n| !n.is_empty());
    let fields = names.map(|name| {
        Field::by_name(name).ok_or_else(|| SettingError::Fields {
            place: place.to_owned(),
            name: name.to_owned(),
        })
    });
    fields.collect()
}
