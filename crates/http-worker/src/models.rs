//! The deployed models, for one question: which placeholders of secrets does an element write
//! into its authentication fields?
//!
//! A variable of a process may hold what a customer typed. If it ends up in an authentication
//! field, a placeholder in it must stay text; only the model's author may name a secret. The
//! model comes from the engine's REST API, by the key of the job's process definition, or from a
//! folder of `.bpmn` files.

mod element;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use messaging::rest::{self, Rest};
use messaging::worker::Job;
use tokio::time::Instant;

use crate::retry;
use crate::secrets::Field;
use element::Elements;

/// Definitions that are remembered; a store has a handful.
const KEPT_MAX: usize = 1000;

/// A folder that cannot serve as the source of models.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read '{}': {source}", .path.display())]
    Read {
        /// Folder or file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// A file holds no model.
    #[error("'{}' is no BPMN model: {source}", .path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: roxmltree::Error,
    },
    /// Two files hold a process of this id.
    #[error("'{}' holds the process '{process}', which another file of that folder holds too", .path.display())]
    Twice {
        /// The second file.
        path: PathBuf,
        /// The process's id.
        process: String,
    },
    /// Nothing is there.
    #[error("'{}' holds no .bpmn file with a process", .0.display())]
    Empty(PathBuf),
}

/// Why it is not known what an element names.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API did not give the model: it may later.
    #[error("the model of process definition {key} cannot be read: {source}{}", hint(.source))]
    Rest {
        key: i64,
        #[source]
        source: rest::Error,
    },
    /// The API gave something else.
    #[error("the model of process definition {key} is no BPMN model: {source}")]
    Xml { key: i64, source: roxmltree::Error },
    /// The folder lacks the process.
    #[error("no model of process '{process}' is in '{}'; copy it there and restart the HTTP worker", .folder.display())]
    NotInFolder { process: String, folder: PathBuf },
}

impl Error {
    /// Whether trying again may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Error::Rest { .. })
    }
}

fn hint(error: &rest::Error) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}"));
    let other = ", or give the models with --models";
    hint.map_or_else(String::new, |hint| format!("{hint}{other}"))
}

/// Where models are looked up.
pub struct Models(Source);

enum Source {
    Nowhere,
    Folder {
        path: PathBuf,
        by_process: BTreeMap<String, Arc<Elements>>,
    },
    Engine {
        rest: Rest,
        /// A definition's key stands for one text for ever.
        kept: Mutex<HashMap<i64, Arc<Elements>>>,
    },
}

impl Models {
    /// No models: placeholders are filled in in the authentication fields, whoever wrote them.
    pub fn nowhere() -> Models {
        Models(Source::Nowhere)
    }

    /// The models that are deployed, by the engine's REST API.
    pub fn of_engine(rest: Rest) -> Models {
        Models(Source::Engine {
            rest,
            kept: Mutex::default(),
        })
    }

    /// The `.bpmn` files of a folder, as they are now.
    ///
    /// # Errors
    /// When one cannot be read, or none holds a process.
    pub fn of_folder(folder: &Path) -> Result<Models, SettingError> {
        let read = |path: &Path| {
            let path = path.to_owned();
            move |source| SettingError::Read { path, source }
        };
        let mut by_process = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(read(folder))? {
            let path = entry.map_err(read(folder))?.path();
            if path.extension().is_none_or(|extension| extension != "bpmn") {
                continue;
            }
            let xml = std::fs::read_to_string(&path).map_err(read(&path))?;
            let processes = element::processes(&xml).map_err(|source| SettingError::Xml {
                path: path.clone(),
                source,
            })?;
            for (process, elements) in processes {
                if by_process.contains_key(&process) {
                    return Err(SettingError::Twice { path, process });
                }
                by_process.insert(process, Arc::new(elements));
            }
        }
        if by_process.is_empty() {
            return Err(SettingError::Empty(folder.to_owned()));
        }
        Ok(Models(Source::Folder {
            path: folder.to_owned(),
            by_process,
        }))
    }

    /// What the job's element names.
    pub(crate) async fn named(&self, job: &Job, deadline: Instant) -> Result<Named, Error> {
        let elements = match &self.0 {
            Source::Nowhere => return Ok(Named::AnyByAnyone),
            Source::Folder { path, by_process } => {
                let elements = by_process.get(&job.bpmn_process_id).cloned();
                elements.ok_or_else(|| Error::NotInFolder {
                    process: job.bpmn_process_id.clone(),
                    folder: path.clone(),
                })?
            }
            Source::Engine { rest, kept } => {
                let key = job.process_definition_key;
                let known = |kept: &Mutex<HashMap<i64, Arc<Elements>>>| {
                    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.get(&key).cloned()
                };
                match known(kept) {
                    Some(elements) => elements,
                    None => {
                        let elements = Arc::new(fetch(rest, job, deadline).await?);
                        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                        if kept.len() >= KEPT_MAX {
                            kept.clear();
                        }
                        kept.insert(key, elements.clone());
                        elements
                    }
                }
            }
        };
        Ok(Named::ByTheModel {
            elements,
            element_id: job.element_id.clone(),
        })
    }
}

/// Reads a definition from the API. What is searched lags behind the engine, so a definition
/// that is not there yet is asked for again.
async fn fetch(rest: &Rest, job: &Job, deadline: Instant) -> Result<Elements, Error> {
    let key = job.process_definition_key;
    let mut calls = 1;
    let xml = loop {
        match rest.process_definition_xml(&key.to_string()).await {
            Ok(xml) => break xml,
            Err(source) => {
                let wait = retry::pause(calls);
                if calls >= retry::CALLS_MAX || Instant::now() + wait >= deadline {
                    return Err(Error::Rest { key, source });
                }
                tokio::time::sleep(wait).await;
                calls += 1;
            }
        }
    };
    let processes = element::processes(&xml).map_err(|source| Error::Xml { key, source })?;
    // A file may hold several processes; the definition is of one.
    let mut processes = processes.into_iter();
    let found = processes.find(|(process, _)| *process == job.bpmn_process_id);
    Ok(found.map(|(_, elements)| elements).unwrap_or_default())
}

/// Which placeholders may be filled in.
#[derive(Clone)]
pub(crate) enum Named {
    /// There is no model to look at: the fixed fields alone are the bound.
    AnyByAnyone,
    /// What this element of the model names.
    ByTheModel {
        elements: Arc<Elements>,
        element_id: String,
    },
}

impl Named {
    /// Whether a secret of this name may stand in this field.
    pub(crate) fn allows(&self, field: Field, name: &str) -> bool {
        match self {
            Named::AnyByAnyone => true,
            Named::ByTheModel {
                elements,
                element_id,
            } => elements.names(element_id, field, name),
        }
    }
}
