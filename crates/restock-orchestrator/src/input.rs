//! What a restock is made of: flags or a form in, a checked restock out.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use messaging::mode::Failure;
use messaging::payload::{Fields, ID_BYTES_MAX, QUANTITY_MAX, Refusal, form_number, one_line};
use messaging::settings::Flags;
use messaging::start::{self, Inputs, duration};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Room that a round's number takes behind the restock's id: `/` and up to seven digits.
const ROUND_BYTES: usize = 8;

/// Where the restock comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// From flags.
    Run,
    /// From the form in the file that GITHUB_EVENT_PATH names.
    Action,
}

/// Starts a restock of some or all products. Prints JSON.
#[derive(Debug, Parser)]
#[command(name = "restock-orchestrator", version = build_info::VERSION)]
pub(crate) struct Cli {
    /// Where the restock comes from.
    #[arg(value_enum, default_value = "run")]
    mode: Mode,
    /// The level that each product is set to.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    stock_level: Option<String>,
    /// Products, one a line or comma-separated; may be repeated [default: all].
    #[arg(long, value_name = "NAMES")]
    products: Vec<String>,
    /// All at once instead of one after another.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    parallel: Option<String>,
    /// The restock's own id; the same id twice is one restock [default: a new UUID].
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// When an alarm is raised for the restock, such as PT300S or 5m [default: the model's].
    #[arg(long, value_name = "DURATION")]
    restock_timeout: Option<String>,
    /// Job type of its dispatch tasks [default: the model's].
    #[arg(long, value_name = "TYPE")]
    dispatch_job_type: Option<String>,
    /// The model to deploy [default: populate-stock.bpmn or restock-parallel.bpmn in workflows/].
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// JSON alone: nothing for people on standard error.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Flags,
}

impl Cli {
    /// Whether this is a step of a workflow.
    pub(crate) fn is_action(&self) -> bool {
        matches!(self.mode, Mode::Action)
    }

    /// The form's values, from flags or from the event.
    pub(crate) fn inputs(&self) -> Result<Inputs, Failure> {
        if self.mode == Mode::Action {
            let inputs = Inputs::from_event(&["stock_level", "products", "parallel"])?;
            return Ok(inputs.or("id", start::run_id()));
        }
        let products = (!self.products.is_empty()).then(|| self.products.join("\n"));
        let flags = [
            ("stock_level", self.stock_level.clone()),
            ("products", products),
            ("parallel", self.parallel.clone()),
            ("id", self.id.clone()),
            ("restock_timeout", self.restock_timeout.clone()),
            ("dispatch_job_type", self.dispatch_job_type.clone()),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Inputs::new(given)?)
    }
}

/// A restock as it was asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) id: String,
    /// As it was written; empty = all.
    pub(crate) products: String,
    pub(crate) stock_level: i64,
    pub(crate) parallel: bool,
    /// ISO 8601.
    pub(crate) restock_timeout: Option<String>,
    pub(crate) dispatch_job_type: Option<String>,
}

impl Form {
    pub(crate) fn read(inputs: &Inputs) -> Result<Form, Refusal> {
        let line = |name: &str, text: &str| {
            let text = Map::from_iter([(name.to_owned(), Value::from(text))]);
            Fields::of(&text, "restock", &[name])?.line(name)
        };
        let optional_line = |name: &str| inputs.get(name).map(|text| line(name, text)).transpose();
        let Some(stock_level) = inputs.get("stock_level") else {
            return Err(Refusal::Fields {
                place: "restock".to_owned(),
                missing: vec!["stock_level".to_owned()],
                surplus: Vec::new(),
            });
        };
        let id = optional_line("id")?.unwrap_or_else(|| Uuid::now_v7().to_string());
        let id_bytes_max = ID_BYTES_MAX - ROUND_BYTES;
        if id.len() > id_bytes_max {
            let rule = format!("a text of at most {id_bytes_max} bytes");
            return Err(Refusal::field("id", rule, format!("{} bytes", id.len())));
        }
        Ok(Form {
            id,
            products: inputs.get("products").unwrap_or_default().to_owned(),
            stock_level: form_number("stock_level", stock_level, 0..=QUANTITY_MAX)?,
            parallel: match inputs.get("parallel") {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => {
                    return Err(Refusal::field("parallel", "true or false", "another text"));
                }
            },
            restock_timeout: inputs
                .get("restock_timeout")
                .map(|text| duration("restock_timeout", text))
                .transpose()?,
            dispatch_job_type: optional_line("dispatch_job_type")?,
        })
    }

    /// Name of the message that starts it.
    pub(crate) fn message(&self) -> &'static str {
        if self.parallel {
            "PARALLEL_RESTOCK_REQUESTED"
        } else {
            "RESTOCK_REQUESTED"
        }
    }

    /// Its file in `workflows/`.
    pub(crate) fn model(&self) -> &'static str {
        if self.parallel {
            "restock-parallel.bpmn"
        } else {
            "populate-stock.bpmn"
        }
    }
}

/// The products that a text names, one a line or comma-separated, or all where it names none.
/// `shelf` is what the shop sells: a line that is a product's name is one name, commas or not.
///
/// # Errors
/// When it names a product that the shop does not sell, or one twice.
pub(crate) fn products(text: &str, shelf: &[String]) -> Result<Vec<String>, Refusal> {
    if shelf.is_empty() {
        let why = "the shop has no products: table 'products' is empty";
        return Err(Refusal::State(why.to_owned()));
    }
    let names = text.lines().flat_map(|line| {
        let whole = shelf.iter().any(|product| product == line.trim());
        line.split(move |c| c == ',' && !whole)
    });
    let mut chosen: Vec<String> = Vec::new();
    for name in names.map(str::trim).filter(|name| !name.is_empty()) {
        let Some(product) = shelf.iter().find(|product| *product == name) else {
            return Err(Refusal::State(format!(
                "unknown product '{}'; the shop has {}",
                one_line(name, 60),
                one_line(&shelf.join(", "), 300)
            )));
        };
        if chosen.contains(product) {
            let rule = "a list that names each product once";
            let found = format!("one that names '{}' twice", one_line(product, 60));
            return Err(Refusal::field("products", rule, found));
        }
        chosen.push(product.clone());
    }
    Ok(if chosen.is_empty() {
        shelf.to_vec()
    } else {
        chosen
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Form, String> {
        let texts = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let inputs = Inputs::new(texts).map_err(|refusal| refusal.to_string())?;
        Form::read(&inputs).map_err(|refusal| refusal.to_string())
    }

    fn flags(arguments: &[&str]) -> Form {
        let cli = Cli::try_parse_from([&["restock-orchestrator"], arguments].concat()).unwrap();
        Form::read(&cli.inputs().unwrap()).unwrap()
    }

    fn chosen(text: &str) -> Result<Vec<String>, String> {
        let shelf = ["Ale", "Book", "Book, second edition"].map(str::to_owned);
        products(text, &shelf).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn products_are_lines_or_comma_separated() {
        #[track_caller]
        fn check(text: &str, expected: &[&str]) {
            assert_eq!(chosen(text).unwrap(), expected);
        }
        check("Ale", &["Ale"]);
        check("Ale, Book,", &["Ale", "Book"]);
        check("Book, second edition", &["Book, second edition"]);
        check(
            "Ale, Book\r\n\r\n Book, second edition\n",
            &["Ale", "Book", "Book, second edition"],
        );
        check("", &["Ale", "Book", "Book, second edition"]);
        check(" ,\n", &["Ale", "Book", "Book, second edition"]);
    }

    #[test]
    fn a_product_is_known_and_named_once() {
        let twice = chosen("Ale, Book\nAle").unwrap_err();
        let expected = "field 'products' must be a list that names each product once, but is one that names 'Ale' twice";
        assert_eq!(twice, expected);
        let unknown = chosen("Ale, Tea").unwrap_err();
        assert_eq!(
            unknown,
            "unknown product 'Tea'; the shop has Ale, Book, Book, second edition"
        );
        let empty = products("", &[]).unwrap_err().to_string();
        assert!(empty.contains("table 'products' is empty"), "{empty}");
    }

    #[test]
    fn flags_give_the_same() {
        let form = flags(&[
            "run",
            "--stock-level=5",
            "--products=Ale",
            "--products=Book",
            "--parallel",
        ]);
        assert_eq!(form.products, "Ale\nBook");
        assert_eq!((form.stock_level, form.parallel), (5, true));
        assert_eq!(
            (form.message(), form.model()),
            ("PARALLEL_RESTOCK_REQUESTED", "restock-parallel.bpmn")
        );
        let form = flags(&["--stock-level", "0", "--parallel=false", "--id", "r-1"]);
        assert_eq!((form.parallel, form.id.as_str()), (false, "r-1"));
        assert_eq!(
            (form.message(), form.model()),
            ("RESTOCK_REQUESTED", "populate-stock.bpmn")
        );
        assert_eq!(form.products, "");
    }

    #[test]
    fn refusals_name_the_input() {
        for (name, value, words) in [
            ("stock_level", "", "restock: missing field 'stock_level'"),
            (
                "stock_level",
                "many",
                "'stock_level' must be a whole number from 0 to 1000000",
            ),
            ("stock_level", "-1", "but is -1"),
            ("stock_level", "1000001", "but is 1000001"),
            (
                "products",
                "{{secrets.X}}",
                "'products' must be free of placeholders",
            ),
            ("parallel", "yes", "'parallel' must be true or false"),
            ("restock_timeout", "soon", "'restock_timeout'"),
            (
                "id",
                &"x".repeat(193),
                "'id' must be a text of at most 192 bytes",
            ),
        ] {
            let mut values = vec![("stock_level", "2")];
            values.retain(|(known, _)| *known != name);
            values.push((name, value));
            let refusal = read(&values).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
