//! The JSON Schema of jobs (2020-12), for whoever publishes them: `shared/job.schema.json`.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::RenderJob;
use crate::asset::{AssetId, OriginalVersion};
use crate::campaigns::CampaignName;
use crate::encoding::Step;
use crate::format::FormatChoice;
use crate::transform::{Colour, Operations, Quality};

const ID: &str = "urn:thumbmill:job:1";

/// Describes types whose JSON is text or a number that is read by code of its own.
macro_rules! schemas {
    ($($type:ty = $schema:tt;)*) => {
        $(impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

schemas! {
    AssetId = { "type": "string", "format": "uuid" };
    OriginalVersion = { "type": "string", "pattern": "^[0-9a-f]{32}$" };
    CampaignName = { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" };
    FormatChoice = { "enum": ["auto", "jpg", "jpeg", "png", "webp", "avif"] };
    Quality = { "type": "integer", "minimum": 1, "maximum": 100 };
    Colour = { "type": "string", "pattern": "^(transparent|#?[0-9A-Fa-f]{3,8})$" };
    Operations = {
        "type": "array",
        "maxItems": 5,
        "items": { "type": "array", "minItems": 1, "prefixItems": [{ "type": "string" }] },
        "examples": [[["rotate", 90], ["blur", 5]]]
    };
}

impl<const MOST: u8, const DEFAULT: u8> JsonSchema for Step<MOST, DEFAULT> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Step{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": MOST, "default": DEFAULT })
    }
}

impl RenderJob {
    /// What a message has to look like.
    pub fn schema() -> Schema {
        let mut schema = SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<Self>();
        schema.insert("$id".to_owned(), ID.into());
        schema.insert("examples".to_owned(), examples());
        schema
    }
}

/// From the least that a job may say to all of it.
fn examples() -> Value {
    json!([
        {
            "version": 1,
            "asset": "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f",
            "variants": [{ "preset": "card" }]
        },
        {
            "version": 1,
            "asset": "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f",
            "variants": [
                { "preset": "card" },
                { "preset": "hero", "format": "webp" },
                { "width": 200, "height": 200, "fit": "inside", "quality": 70,
                  "transforms": [["grayscale"]] }
            ],
            "campaign": "spring-2026",
            "number": 17,
            "priority": "bulk"
        }
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_the_repository_is_that_of_the_code() {
        let file = include_str!("../../job.schema.json");
        let made = serde_json::to_string_pretty(&RenderJob::schema()).unwrap();
        assert!(
            file.trim_end() == made,
            "cargo run --release -p thumbmill-shared --example job-schema > shared/job.schema.json"
        );
    }

    #[test]
    fn its_examples_are_jobs() {
        for example in examples().as_array().unwrap() {
            RenderJob::parse(example.to_string().as_bytes(), 100).unwrap();
        }
    }

    /// What the code refuses the schema does not allow either, field by field.
    #[test]
    fn it_names_every_field_and_no_other() {
        let schema = RenderJob::schema().to_value();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["version", "asset", "variants"]));
        assert_eq!(schema["properties"]["variants"]["minItems"], 1);
        let variant = &schema["$defs"]["VariantRequest"];
        assert_eq!(variant["additionalProperties"], false);
        assert_eq!(variant["properties"].as_object().unwrap().len(), 11);
    }
}
