// SPDX-License-Identifier: GPL-2.0-or-later

//! As much of JSON Schema as sample.schema.json needs. What is unknown here fails, so that
//! nothing in that file goes unchecked.

use std::collections::BTreeSet;

use serde_json::Value;

pub struct Schema {
    pub root: Value,
}

impl Schema {
    /// Checks a value; says where it is wrong. The places of all properties go to `seen`.
    pub fn check(&self, value: &Value, seen: &mut BTreeSet<String>) -> Result<(), String> {
        self.check_at(&self.root, value, "", seen)
    }

    fn check_at(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{at}: {what}: {value}"));
        for (keyword, rule) in schema.as_object().unwrap() {
            let is_fine = match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" => true,
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#").unwrap();
                    self.check_at(self.root.pointer(name).unwrap(), value, at, seen)?;
                    true
                }
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|name| is_of(value, name)),
                    name => is_of(value, name),
                },
                "const" => value == rule,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|it| it >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|it| it <= rule.as_f64().unwrap()),
                "required" => value.as_object().is_none_or(|object| {
                    let mut names = rule.as_array().unwrap().iter();
                    names.all(|name| object.contains_key(name.as_str().unwrap()))
                }),
                "properties" => {
                    for (name, value) in value.as_object().into_iter().flatten() {
                        let at = format!("{at}/{name}");
                        if let Some(rule) = rule.get(name) {
                            self.check_at(rule, value, &at, seen)?;
                            seen.insert(at);
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    assert_eq!(rule, &Value::Bool(false));
                    value.as_object().is_none_or(|object| {
                        object
                            .keys()
                            .all(|name| schema["properties"].get(name).is_some())
                    })
                }
                "items" => {
                    for value in value.as_array().into_iter().flatten() {
                        self.check_at(rule, value, &format!("{at}[]"), seen)?;
                    }
                    true
                }
                "oneOf" => {
                    let mut fitting = 0;
                    for rule in rule.as_array().unwrap() {
                        let mut inner = BTreeSet::new();
                        if self.check_at(rule, value, at, &mut inner).is_ok() {
                            fitting += 1;
                            seen.append(&mut inner);
                        }
                    }
                    fitting == 1
                }
                keyword => {
                    panic!("the keyword is {keyword:?}, expected one that the checker knows")
                }
            };
            if !is_fine {
                return wrong(keyword);
            }
        }
        Ok(())
    }

    /// The places of all properties that there can be.
    pub fn properties(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        self.properties_at(&self.root, "", &mut all);
        all
    }

    fn properties_at(&self, schema: &Value, at: &str, all: &mut BTreeSet<String>) {
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            // Everything is explained, if not by a reference.
            let is_explained = ["description", "$ref", "const"]
                .iter()
                .any(|key| schema.get(key).is_some());
            let is_list = schema["type"] == "array";
            assert!(
                is_explained || is_list,
                "{at} has no description, expected one: {schema}"
            );
            self.properties_at(schema, &at, all);
            all.insert(at);
        }
        if let Some(items) = schema.get("items") {
            self.properties_at(items, &format!("{at}[]"), all);
        }
        for schema in schema["oneOf"].as_array().into_iter().flatten() {
            self.properties_at(schema, at, all);
        }
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#").unwrap();
            self.properties_at(self.root.pointer(name).unwrap(), at, all);
        }
    }
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        name => panic!("the type is {name:?}, expected one that the checker knows"),
    }
}
