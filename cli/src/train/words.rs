//! What serde says of a description, in the words of its reader: what is wanted, what was found, what is near.

use limpide::model::nearest;

/// Tables by the names of their types, each with one that would do.
const TABLES: [(&str, &str); 11] = [
    ("DataDescription", "{ name = \"digits\" }"),
    ("EarlyStoppingOptions", "{ metric = \"validation_loss\", patience = 10 }"),
    ("Init", "{ type = \"xavier_uniform\" }"),
    ("LayerDescription", "{ type = \"ReLU\" }"),
    ("LossDescription", "{ name = \"CrossEntropyLoss\" }"),
    ("LoggingOptions", "{ csv = true }"),
    ("Mixup", "{ alpha = 0.2 }"),
    ("OptimizerDescription", "{ type = \"Adam\", lr = 0.001 }"),
    ("ScheduleDescription", "{ type = \"StepLR\", step_size = 10 }"),
    ("SplitDescription", "{ validation = 0.2 }"),
    ("StepOptions", "{ clip_grad_norm = 1.0 }"),
];

/// A message of serde on one line, in words, with the nearest name where it lists those that there are.
pub fn plain(message: &str) -> String {
    let message = message.trim().replace('\n', ", ");
    if let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("the field `{name}` is missing; write `{name} = …` here");
    }
    for (start, what) in [("unknown field `", "field"), ("unknown variant `", "value")] {
        let Some((name, list)) = message.strip_prefix(start).and_then(|rest| rest.split_once("`, expected ")) else {
            continue;
        };
        let known: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let close = nearest(name, &known).map_or(String::new(), |close| format!("; did you mean `{close}`?"));
        return format!("unknown {what} `{name}`, expected {list}{close}");
    }
    let wrong =
        ["invalid type: ", "invalid value: ", "invalid "].into_iter().find_map(|start| message.strip_prefix(start));
    match wrong.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, wanted)) => format!("wants {}, got {}", kind(wanted), value(found)),
        None => message,
    }
}

/// What is wanted.
fn kind(wanted: &str) -> String {
    let table = wanted.rsplit(' ').next().and_then(|name| TABLES.iter().find(|(own, _)| *own == name));
    match wanted {
        "f64" | "f32" => "a number".into(),
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number from 0".into(),
        "isize" | "i64" | "i32" => "a whole number".into(),
        "a boolean" => "true or false".into(),
        "a string" | "string only" | "variant identifier" => "a name in quotes".into(),
        "a sequence" => "a list, in brackets".into(),
        "a map" => "a table, such as { key = 1 }".into(),
        _ => match (table, wanted.strip_prefix("an array of length ")) {
            (Some((_, such)), _) => format!("a table such as {such}"),
            (None, Some(count)) => format!("a list of {count}, in brackets"),
            (None, None) if wanted.starts_with("struct ") || wanted.contains("enum ") => "a table of fields".into(),
            (None, None) => wanted.into(),
        },
    }
}

/// What was found.
fn value(found: &str) -> String {
    let quoted = |rest: &str| rest.trim_matches('`').to_string();
    if let Some(text) = found.strip_prefix("string ") {
        return format!("the text `{}`", text.trim_matches('"'));
    }
    match found.split_once(' ') {
        Some(("integer" | "boolean", rest)) => quoted(rest),
        Some(("floating", rest)) => {
            let number = quoted(rest.trim_start_matches("point "));
            // Rust writes 1e30 in full otherwise.
            number.parse::<f64>().map_or(number, |number| format!("{number:?}"))
        }
        Some(("length", count)) => count.into(),
        _ => match found {
            // JSON, through which parts of a description go, has no such number.
            "null" => "nan or inf".into(),
            "sequence" => "a list".into(),
            "map" => "a table".into(),
            "unit variant" => "something else".into(),
            other => other.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_rust_is_left() {
        for (message, words) in [
            ("invalid type: null, expected f64", "wants a number, got nan or inf"),
            (
                "invalid type: floating point `0.2`, expected struct Mixup",
                "wants a table such as { alpha = 0.2 }, got 0.2",
            ),
            ("invalid type: unit variant, expected string only", "wants a name in quotes, got something else"),
            ("invalid type: integer `3`, expected variant identifier", "wants a name in quotes, got 3"),
            (
                "invalid type: string \"StepLR\", expected struct ScheduleDescription",
                "wants a table such as { type = \"StepLR\", step_size = 10 }, got the text `StepLR`",
            ),
            (
                "invalid type: string \"MSELoss\", expected internally tagged enum LossDescription",
                "wants a table such as { name = \"CrossEntropyLoss\" }, got the text `MSELoss`",
            ),
            ("invalid value: integer `-1`, expected usize", "wants a whole number from 0, got -1"),
            (
                "invalid type: floating point `1000000000000000000000000000000.0`, expected u64",
                "wants a whole number from 0, got 1e30",
            ),
            ("invalid length 1, expected an array of length 2", "wants a list of 2, in brackets, got 1"),
            ("invalid type: integer `1`, expected a boolean", "wants true or false, got 1"),
            ("missing field `samples`", "the field `samples` is missing; write `samples = …` here"),
            (
                "unknown variant `avg`, expected one of `mean`, `sum`, `none`",
                "unknown value `avg`, expected one of `mean`, `sum`, `none`",
            ),
            (
                "unknown field `epoch`, expected `epochs`\n",
                "unknown field `epoch`, expected `epochs`; did you mean `epochs`?",
            ),
            ("keep one of them", "keep one of them"),
        ] {
            assert_eq!(plain(message), words);
        }
    }
}
