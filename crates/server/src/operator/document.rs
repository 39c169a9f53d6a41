//! The OpenAPI document: what stands around the routes, and where it is served.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi as _};

use super::problem::Problem;

const ABOUT: &str = "\
For those who run the platform: partners, projects, activities, coupons, callbacks, enrolments, money, \
and what happened.

Every call carries a token: `Authorization: Bearer hdop_…`. Roles: **viewer** reads; **reviewer** \
reads and decides on enrolments; **finance** reads and moves money; **admin** may do everything. Where an operation needs a role, its \
security requirement names those that have it. Every change leaves a line in the audit log.

Money is in fen (分, 1/100 yuan), as whole numbers. Times are Shanghai time with its offset. Numbers of \
rows are strings, as they do not fit a JavaScript number. Problems are `application/problem+json`; \
branch on their `type`.

Lists come newest first, in pages: follow `next_cursor` until it is null. `?format=csv` exports a whole \
filtered list.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Huodong operator API", version = "1", description = ABOUT),
    components(schemas(Problem)),
    security(("token" = [])),
    modifiers(&Bearer),
    tags(
        (name = "organizations", description = "Enterprises that fund activities"),
        (name = "applications", description = "Programs that call the donation API, and their bids"),
        (name = "projects", description = "Charity projects that receive donations"),
        (name = "activities", description = "Campaigns: window, money, limits, status"),
        (name = "donations", description = "Donations and the flowers given for them"),
        (name = "institutions", description = "Lakala's partners, who hand coupons out"),
        (name = "coupons", description = "Coupons: looked up, used at tills, taken back"),
        (name = "callbacks", description = "What institutions are told, and how that went"),
        (name = "initiators", description = "Ysepay's partners, who enrol merchants"),
        (name = "merchants", description = "Initiators' merchants, one by one and from tables"),
        (name = "photos", description = "What initiators have uploaded"),
        (name = "enrolments", description = "Applications for preferential rates, and their review"),
        (name = "openid pages", description = "Pages that ask WeChat for a user's openid"),
        (name = "platform keys", description = "What answers and callbacks are signed with, and calls sealed for"),
        (name = "ledger", description = "Double-entry: accounts, transfers, the trial balance"),
        (name = "operators", description = "Tokens, roles and the audit log"),
    )
)]
struct Frame;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("hdop_ and 43 characters")
            .description(Some("A token of `huodong token` or of POST /operator/v1/tokens"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What stands around the routes.
pub(super) fn frame() -> OpenApi {
    Frame::openapi()
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    super::surface().into_openapi().to_pretty_json().expect("the document is JSON")
});

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "get_openapi", tag = "operators", security(()),
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object))
)]
pub(super) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

/// The problems any reading operation may answer with.
pub(super) struct Reading;

/// The problems an operation that shows what its path names may answer with.
pub(super) struct Getting;

/// The problems any changing operation may answer with.
pub(super) struct Changing;

/// The problems an operation that takes a table in may answer with.
pub(super) struct Importing;

const READING: &[(&str, &str)] = &[
    ("400", "A parameter is not taken; `field` names it"),
    ("401", "No token, or one that is unknown, revoked or has expired"),
    ("503", "Nothing was done; try again after `Retry-After` seconds"),
    ("504", "No answer in time"),
];

const CHANGING: &[(&str, &str)] = &[
    ("400", "The body is not JSON"),
    ("401", "No token, or one that is unknown, revoked or has expired"),
    ("403", "The token's role does not reach; `detail` names the one needed"),
    ("404", "The thing the path names is not there"),
    ("408", "The body did not arrive in time"),
    (
        "409",
        "A number is taken, the thing does not stand where this can be done, or money is missing",
    ),
    ("413", "The body is too long"),
    ("415", "The body is not announced as application/json"),
    ("422", "A field is missing, unknown or not taken; `field` names it"),
    ("500", "Whether the change was made is not known; look before asking again"),
    ("503", "Nothing was done; try again after `Retry-After` seconds"),
    ("504", "No outcome in time; the change may still be carried out"),
];

impl IntoResponses for Reading {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(READING)
    }
}

impl IntoResponses for Getting {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = problems(READING);
        all.extend(problems(&[("404", "The thing the path names is not there")]));
        all
    }
}

impl IntoResponses for Changing {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(CHANGING)
    }
}

impl IntoResponses for Importing {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = problems(CHANGING);
        all.extend(problems(&[
            ("400", "The table is malformed, or a parameter is not taken; `detail` says where"),
            ("413", "The table is too long"),
            ("415", "The body is not announced as text/csv"),
        ]));
        // Nothing is named that is not there, and what is wrong with a row is in the answer.
        for status in ["404", "409", "422"] {
            all.remove(status);
        }
        all
    }
}

fn problems(table: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let problem = || Content::new(Some(Ref::from_schema_name("Problem")));
    let row = |(status, description): &(&str, &str)| {
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", problem())
            .build();
        ((*status).to_owned(), RefOr::T(response))
    };
    table.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(&DOCUMENT).unwrap()
    }

    fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                all.push((path.as_str(), method.as_str(), operation));
            }
        }
        all
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag() {
        let document = document();
        let tags = document["tags"].as_array().unwrap();
        let tags: BTreeSet<_> = tags.iter().map(|tag| tag["name"].as_str().unwrap()).collect();
        let mut names = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let own: Vec<_> = operation["tags"].as_array().unwrap().iter().collect();
            assert_eq!(own.len(), 1, "{method} {path} {own:?}");
            assert!(tags.contains(own[0].as_str().unwrap()), "{method} {path} {own:?}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_described() {
        fn check(at: &Value, document: &Value) {
            match at {
                Value::Object(fields) => {
                    if let Some(to) = fields.get("$ref").and_then(Value::as_str) {
                        let pointer = to.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
                    }
                    fields.values().for_each(|field| check(field, document));
                }
                Value::Array(items) => items.iter().for_each(|item| check(item, document)),
                _ => {}
            }
        }
        let document = document();
        check(&document, &document);
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            assert!(schema["description"].is_string(), "{name} is not described");
        }
    }

    #[test]
    fn every_path_parameter_is_described() {
        let document = document();
        for (path, method, operation) in operations(&document) {
            let in_path = path.split('/').filter_map(|it| it.strip_prefix('{')).count();
            let none = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&none);
            let described = parameters.iter().filter(|it| it["in"] == "path").count();
            assert_eq!(in_path, described, "{method} {path}");
            for parameter in parameters {
                assert!(parameter["description"].is_string(), "{method} {path} {parameter}");
            }
        }
    }
}
