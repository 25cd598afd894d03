//! The description of the interface for machines: OpenAPI 3.1, made from what the model says of its inputs and outputs.

use super::answer::UNSEEN;
use super::body::takes_images;
use limpide::pipeline::{Input, Output, Pipeline};
use limpide::table::{Column, Encoding};
use serde_json::{Map, Value, json};

/// Categories that are given as examples.
const EXAMPLES: usize = 5;

/// The whole description.
pub fn description(pipeline: &Pipeline, title: &str) -> Value {
    let error = |about: &str| {
        let schema = json!({"$ref": "#/components/schemas/Error"});
        json!({"description": about, "content": {"application/json": {"schema": schema}}})
    };
    let json_schema = |name: &str| json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
    let csv = json!({"schema": {"type": "string"}});
    let mut bodies = json!({"application/json": json_schema("Request"), "text/csv": csv});
    if takes_images(pipeline) {
        // Bytes as they are have no schema.
        bodies["image/png"] = json!({});
        bodies["image/jpeg"] = json!({});
    }
    let text = |about: &str, kind: &str| json!({"200": {"description": about, "content": {kind: {}}}});
    json!({
        "openapi": "3.1.0",
        "info": {"title": title, "version": env!("CARGO_PKG_VERSION"), "description": pipeline.network().to_string()},
        "paths": {
            "/predict": {"post": {
                "summary": "What the model makes of samples",
                "requestBody": {"required": true, "content": bodies},
                "responses": {
                    "200": {
                        "description": "An answer a sample, in their order; CSV for CSV",
                        "headers": {UNSEEN: {
                            "description": "Of CSV, where it is not 0: how many cells were not there in training; JSON lists them",
                            "schema": {"type": "integer"},
                        }},
                        "content": {"application/json": json_schema("Answer"), "text/csv": csv},
                    },
                    "400": error("A body that is wrong; `field` names what"),
                    "408": error("A request that did not come in time"),
                    "413": error("A body that is too large"),
                    "415": error("A body of a type that is not among these"),
                    "503": error("Too many connections"),
                },
            }},
            "/healthz": {"get": {"summary": "Whether the server answers", "responses": text("It does", "application/json")}},
            "/metrics": {"get": {"summary": "Counters for Prometheus", "responses": text("In its text format", "text/plain")}},
            "/openapi.json": {"get": {"summary": "This description", "responses": text("OpenAPI 3.1", "application/json")}},
        },
        "components": {"schemas": {
            "Request": request(pipeline),
            "Answer": answer(pipeline),
            "Error": object(json!({"error": object(json!({
                "field": {"type": ["string", "null"]},
                "message": {"type": "string"},
            }))})),
        }},
    })
}

/// An object that has all these fields and no others.
fn object(properties: Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": names, "additionalProperties": false, "properties": properties})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn request(pipeline: &Pipeline) -> Value {
    match pipeline.input() {
        Input::Table(table) => {
            let columns: Map<String, Value> = table.columns.iter().map(|own| (own.name.clone(), column(own))).collect();
            // The target, and what was of no use in training, may come and need not.
            let required: Vec<&String> = table.used().map(|own| &own.name).collect();
            let row = json!({
                "type": "object", "required": required, "additionalProperties": false, "properties": columns,
            });
            object(json!({"rows": list(&row)}))
        }
        Input::Tensor { shape, divisor, .. } => {
            let axes = shape.iter().flatten().rev();
            let number = match divisor {
                Some(divisor) => json!({"type": "number", "description": format!("a byte divided by {divisor}")}),
                None => json!({"type": "number"}),
            };
            let sample = axes
                .fold(number, |items, &len| json!({"type": "array", "minItems": len, "maxItems": len, "items": items}));
            object(json!({"inputs": list(&sample)}))
        }
    }
}

fn column(column: &Column) -> Value {
    match &column.encoding {
        Encoding::Number { .. } => json!({"type": ["number", "null"]}),
        Encoding::Category { values } => {
            let some: Vec<&String> = values.iter().take(EXAMPLES).collect();
            json!({"type": ["string", "number", "boolean", "null"], "examples": some})
        }
        Encoding::Date { .. } => json!({"type": ["string", "null"], "description": "a date, as in the training data"}),
        Encoding::Target | Encoding::Ignored => json!({"description": "not looked at"}),
    }
}

fn answer(pipeline: &Pipeline) -> Value {
    let number = json!({"type": "number"});
    let named = |names: &[String]| {
        let fields: Map<String, Value> = names.iter().map(|name| (name.clone(), number.clone())).collect();
        if names.is_empty() { list(&number) } else { object(Value::Object(fields)) }
    };
    let one = match pipeline.output() {
        Output::Classes { names, .. } => {
            object(json!({"class": {"type": "string", "enum": names}, "probabilities": named(names)}))
        }
        Output::Labels { names, .. } => object(json!({"probabilities": named(names)})),
        Output::Values { names, .. } => object(json!({"values": named(names)})),
    };
    let unseen = object(json!({
        "row": {"type": "integer", "description": "counted from 0"},
        "column": {"type": "string"},
        "value": {"type": "string"},
    }));
    json!({
        "type": "object",
        "required": ["predictions"],
        "properties": {
            "predictions": list(&one),
            "unseen": {"type": "array", "items": unseen, "description": "what was not there in training: categories, or missing values (\"\")"},
        },
    })
}
