//! The built-in functions: the table of their names and parameters. What they do is in the
//! modules by topic.

mod boolean;
mod context;
mod conversion;
mod list;
mod numeric;
mod range;
mod string;
mod temporal;

use crate::Value;
use crate::ast::Arguments;
use crate::eval::{Answer, Evaluator, Fault};

/// A built-in function; several of one name differ in their parameters.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [&'static str],
    /// The last parameter takes any number of arguments, as a list.
    pub(crate) variadic: bool,
    pub(crate) call: fn(&mut Evaluator<'_>, &[Value]) -> Answer,
}

const fn fixed(
    name: &'static str,
    parameters: &'static [&'static str],
    call: fn(&mut Evaluator<'_>, &[Value]) -> Answer,
) -> Builtin {
    Builtin {
        name,
        parameters,
        variadic: false,
        call,
    }
}

const fn variadic(
    name: &'static str,
    parameters: &'static [&'static str],
    call: fn(&mut Evaluator<'_>, &[Value]) -> Answer,
) -> Builtin {
    Builtin {
        name,
        parameters,
        variadic: true,
        call,
    }
}

/// The first function of this name that takes such arguments.
pub(crate) fn find(name: &str, arguments: &Arguments) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| {
        let parameters = builtin.parameters;
        builtin.name == name
            && match arguments {
                Arguments::Positional(given) => {
                    parameters.len() == given.len()
                        || (builtin.variadic && parameters.len() < given.len())
                }
                Arguments::Named(given) => {
                    given.iter().all(|(name, _)| parameters.contains(&&**name))
                }
            }
    })
}

/// What a function says about arguments that it doesn't take.
fn illegal(arguments: &[Value]) -> Answer {
    let shown: Vec<String> = arguments
        .iter()
        .map(|argument| format!("'{argument}'"))
        .collect();
    fault(format!("Illegal arguments: {}", shown.join(", ")))
}

/// Null, with this as the warning.
fn fault(message: impl Into<String>) -> Answer {
    Err(Fault::Null(message.into()))
}

/// The end of the evaluation.
fn fatal(message: impl Into<String>) -> Answer {
    Err(Fault::Fatal(message.into()))
}

static BUILTINS: &[Builtin] = &[
    // booleans
    fixed("not", &["negand"], boolean::not),
    fixed("is defined", &["value"], boolean::is_defined),
    fixed("get or else", &["value", "default"], boolean::get_or_else),
    fixed("assert", &["value", "condition"], boolean::assert),
    fixed("assert", &["value", "condition", "cause"], boolean::assert),
    // strings
    fixed(
        "substring",
        &["string", "start position"],
        string::substring,
    ),
    fixed(
        "substring",
        &["string", "start position", "length"],
        string::substring,
    ),
    fixed("string length", &["string"], string::length),
    fixed("upper case", &["string"], string::upper_case),
    fixed("lower case", &["string"], string::lower_case),
    fixed(
        "substring before",
        &["string", "match"],
        string::substring_before,
    ),
    fixed(
        "substring after",
        &["string", "match"],
        string::substring_after,
    ),
    fixed(
        "replace",
        &["input", "pattern", "replacement"],
        string::replace,
    ),
    fixed(
        "replace",
        &["input", "pattern", "replacement", "flags"],
        string::replace,
    ),
    fixed("contains", &["string", "match"], string::contains),
    fixed("starts with", &["string", "match"], string::starts_with),
    fixed("ends with", &["string", "match"], string::ends_with),
    fixed("matches", &["input", "pattern"], string::matches),
    fixed("matches", &["input", "pattern", "flags"], string::matches),
    fixed("split", &["string", "delimiter"], string::split),
    fixed("extract", &["input", "pattern"], string::extract),
    fixed("trim", &["string"], string::trim),
    fixed("uuid", &[], string::uuid),
    fixed("to base64", &["value"], string::to_base64),
    fixed("is blank", &["string"], string::is_blank),
    // lists
    fixed("list contains", &["list", "element"], list::contains),
    fixed("count", &["list"], list::count),
    variadic("min", &["list"], list::min),
    variadic("max", &["list"], list::max),
    variadic("sum", &["list"], list::sum),
    variadic("product", &["list"], list::product),
    variadic("mean", &["list"], list::mean),
    variadic("median", &["list"], list::median),
    variadic("stddev", &["list"], list::stddev),
    variadic("mode", &["list"], list::mode),
    variadic("and", &["list"], list::all),
    variadic("all", &["list"], list::all),
    variadic("or", &["list"], list::any),
    variadic("any", &["list"], list::any),
    fixed("sublist", &["list", "start"], list::sublist),
    fixed("sublist", &["list", "start", "length"], list::sublist),
    variadic("append", &["list", "items"], list::append),
    variadic("concatenate", &["lists"], list::concatenate),
    fixed(
        "insert before",
        &["list", "position", "newItem"],
        list::insert_before,
    ),
    fixed("remove", &["list", "position"], list::remove),
    fixed("reverse", &["list"], list::reverse),
    fixed("index of", &["list", "match"], list::index_of),
    variadic("union", &["lists"], list::union),
    fixed("distinct values", &["list"], list::distinct_values),
    fixed("duplicate values", &["list"], list::duplicate_values),
    fixed("flatten", &["list"], list::flatten),
    fixed("sort", &["list", "precedes"], list::sort),
    fixed("string join", &["list"], list::string_join),
    fixed("string join", &["list", "delimiter"], list::string_join),
    fixed(
        "string join",
        &["list", "delimiter", "prefix", "suffix"],
        list::string_join,
    ),
    fixed("is empty", &["list"], list::is_empty),
    fixed("partition", &["list", "size"], list::partition),
    // numbers
    fixed("decimal", &["n", "scale"], numeric::decimal),
    fixed("decimal", &["n", "scale", "mode"], numeric::decimal),
    fixed("floor", &["n"], numeric::floor),
    fixed("floor", &["n", "scale"], numeric::floor),
    fixed("ceiling", &["n"], numeric::ceiling),
    fixed("ceiling", &["n", "scale"], numeric::ceiling),
    fixed("round up", &["n", "scale"], numeric::round_up),
    fixed("round down", &["n", "scale"], numeric::round_down),
    fixed("round half up", &["n", "scale"], numeric::round_half_up),
    fixed("round half down", &["n", "scale"], numeric::round_half_down),
    fixed("abs", &["number"], numeric::abs),
    fixed("abs", &["n"], numeric::abs),
    fixed("modulo", &["dividend", "divisor"], numeric::modulo),
    fixed("sqrt", &["number"], numeric::sqrt),
    fixed("log", &["number"], numeric::log),
    fixed("exp", &["number"], numeric::exp),
    fixed("odd", &["number"], numeric::odd),
    fixed("even", &["number"], numeric::even),
    fixed("random number", &[], numeric::random_number),
    // contexts
    fixed("get entries", &["context"], context::get_entries),
    fixed("get entries", &["m"], context::get_entries),
    fixed("get value", &["m", "key"], context::get_value),
    fixed("get value", &["context", "key"], context::get_value),
    fixed("get value", &["context", "keys"], context::get_value),
    fixed("context put", &["context", "key", "value"], context::put),
    fixed("context put", &["context", "keys", "value"], context::put),
    fixed("put", &["context", "key", "value"], context::put),
    variadic("context merge", &["contexts"], context::merge),
    variadic("put all", &["contexts"], context::merge),
    fixed("context", &["entries"], context::from_entries),
    // conversions
    fixed("string", &["from"], conversion::string),
    fixed("number", &["from"], conversion::number),
    fixed(
        "number",
        &["from", "grouping separator"],
        conversion::number,
    ),
    fixed(
        "number",
        &["from", "grouping separator", "decimal separator"],
        conversion::number,
    ),
    fixed("date", &["from"], conversion::date),
    fixed("date", &["year", "month", "day"], conversion::date_of),
    fixed("time", &["from"], conversion::time),
    fixed("time", &["hour", "minute", "second"], conversion::time_of),
    fixed(
        "time",
        &["hour", "minute", "second", "offset"],
        conversion::time_of,
    ),
    fixed("date and time", &["from"], conversion::date_time),
    fixed("date and time", &["date", "time"], conversion::date_time_of),
    fixed("duration", &["from"], conversion::duration),
    fixed(
        "years and months duration",
        &["from", "to"],
        conversion::months_between,
    ),
    // dates
    fixed("now", &[], temporal::now),
    fixed("today", &[], temporal::today),
    fixed("day of year", &["date"], temporal::day_of_year),
    fixed("day of week", &["date"], temporal::day_of_week),
    fixed("month of year", &["date"], temporal::month_of_year),
    fixed("week of year", &["date"], temporal::week_of_year),
    fixed("last day of month", &["date"], temporal::last_day_of_month),
    // ranges
    fixed("before", &["point1", "point2"], range::before),
    fixed("before", &["range", "point"], range::before),
    fixed("before", &["point", "range"], range::before),
    fixed("before", &["range1", "range2"], range::before),
    fixed("after", &["point1", "point2"], range::after),
    fixed("after", &["range", "point"], range::after),
    fixed("after", &["point", "range"], range::after),
    fixed("after", &["range1", "range2"], range::after),
    fixed("meets", &["range1", "range2"], range::meets),
    fixed("met by", &["range1", "range2"], range::met_by),
    fixed("overlaps", &["range1", "range2"], range::overlaps),
    fixed(
        "overlaps before",
        &["range1", "range2"],
        range::overlaps_before,
    ),
    fixed(
        "overlaps after",
        &["range1", "range2"],
        range::overlaps_after,
    ),
    fixed("finishes", &["point", "range"], range::finishes),
    fixed("finishes", &["range1", "range2"], range::finishes),
    fixed("finished by", &["range", "point"], range::finished_by),
    fixed("finished by", &["range1", "range2"], range::finished_by),
    fixed("includes", &["range", "point"], range::includes),
    fixed("includes", &["range1", "range2"], range::includes),
    fixed("during", &["point", "range"], range::during),
    fixed("during", &["range1", "range2"], range::during),
    fixed("starts", &["point", "range"], range::starts),
    fixed("starts", &["range1", "range2"], range::starts),
    fixed("started by", &["range", "point"], range::started_by),
    fixed("started by", &["range1", "range2"], range::started_by),
    fixed("coincides", &["point1", "point2"], range::coincides),
    fixed("coincides", &["range1", "range2"], range::coincides),
];
