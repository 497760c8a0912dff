//! The API as OpenAPI 3.1, from the types of requests and answers.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    CHECK, EXPLAIN,
    answer::CheckAnswer,
    problem::Told,
    request::{CheckRequest, ExplainRequest},
};

/// The whole document.
pub(crate) fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut schemas = settings.into_generator();
    let check = schemas.subschema_for::<CheckRequest>();
    let explain = schemas.subschema_for::<ExplainRequest>();
    let answer = schemas.subschema_for::<CheckAnswer<'_>>();
    let faults = faults(&mut schemas);
    let explanation = json!({
        "type": "object",
        "description": "What `preau explain --json` says: every step that has a say, in order, and \
                        which decided. Of a text, each phrase found, its weight and places.",
        "required": ["blocked"],
        "properties": {"blocked": {"type": "boolean"}}
    });
    let operation = |id: &str, summary: &str, request, answer| {
        let mut responses = faults.clone();
        responses["200"] = json!({
            "description": "The answer", "content": {"application/json": {"schema": answer}}
        });
        json!({"post": {
            "operationId": id,
            "summary": summary,
            "parameters": [{"$ref": "#/components/parameters/AcceptLanguage"}],
            "requestBody": {
                "required": true, "content": {"application/json": {"schema": request}}
            },
            "responses": responses
        }})
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Préau check API",
            "version": "1",
            "description": "Whether hosts, URLs, texts and results of searches are fit for a profile \
                            or a group of a running preau. Nothing of what is asked is logged or \
                            kept.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
        },
        "servers": [{"url": "http://127.0.0.1:9380", "description": "[check] listen"}],
        "security": [{"token": []}],
        "paths": {
            CHECK: operation("check", "Decide about one item or many", check.to_value(), answer.to_value()),
            EXPLAIN: operation("explain", "Tell what has a say about one item", explain.to_value(), explanation)
        },
        "components": {
            "securitySchemes": {"token": {
                "type": "http", "scheme": "bearer",
                "description": "The token of [check] token_file. None over a socket."
            }},
            "parameters": {"AcceptLanguage": {
                "name": "Accept-Language", "in": "header", "required": false,
                "description": "French unless English is preferred.",
                "schema": {"type": "string", "examples": ["fr", "en"]}
            }},
            "schemas": schemas.take_definitions(true)
        }
    })
}

/// What else may come back.
fn faults(schemas: &mut SchemaGenerator) -> Value {
    let schema = schemas.subschema_for::<Told<'_>>();
    let fault = |description: &str| {
        json!({
            "description": description,
            "content": {"application/problem+json": {"schema": schema}}
        })
    };
    let mut busy = fault("Too many requests at once: come again");
    busy["headers"] = json!({"Retry-After": {
        "description": "Seconds", "schema": {"type": "integer"}
    }});
    json!({
        "400": fault("Not a request; `errors` says where"),
        "401": fault("The token is absent or wrong"),
        "408": fault("The body did not come in time"),
        "413": fault("Longer than a limit of [check]"),
        "503": busy
    })
}
