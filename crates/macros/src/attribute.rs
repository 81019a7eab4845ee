//! Attributes: options of `#[object]`, documentation, and attributes of fields and arguments.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitStr, Meta, MetaNameValue, Result, Token, Type};

/// The options of `#[object]`.
#[derive(Default)]
pub(crate) struct ObjectOptions {
    /// The type of the objects. The type itself if it is `None`.
    pub(crate) of: Option<Type>,
    /// The name in the schema.
    pub(crate) name: Option<Expr>,
    /// The description in the schema.
    pub(crate) description: Option<Expr>,
    /// The function that tells objects apart.
    pub(crate) identity: Option<Expr>,
}

impl Parse for ObjectOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let name: syn::Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match name.to_string().as_str() {
                "of" => options.of = Some(input.parse()?),
                "name" => options.name = Some(input.parse()?),
                "description" => options.description = Some(input.parse()?),
                "identity" => options.identity = Some(input.parse()?),
                _ => {
                    return Err(Error::new(
                        name.span(),
                        "the options are `of`, `name`, `description` and `identity`",
                    ));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// Returns the documentation: its lines, trimmed.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(MetaNameValue {
                path,
                value:
                    Expr::Lit(ExprLit {
                        lit: Lit::Str(line),
                        ..
                    }),
                ..
            }) if path.is_ident("doc") => Some(line.value().trim().to_owned()),
            _ => None,
        });
    let lines: Vec<String> = lines.collect();
    lines.join("\n").trim().to_owned()
}

/// Removes `#[field(name = "…")]` and returns the name.
pub(crate) fn take_name(attributes: &mut Vec<Attribute>) -> Result<Option<String>> {
    let Some(attribute) = take(attributes, "field") else {
        return Ok(None);
    };
    let options =
        attribute.parse_args_with(Punctuated::<MetaNameValue, Token![,]>::parse_terminated)?;
    let mut name = None;
    for option in options {
        match option.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) if option.path.is_ident("name") => name = Some(text.value()),
            _ => {
                return Err(Error::new_spanned(
                    option.path,
                    "the option is `name = \"…\"`",
                ));
            }
        }
    }
    Ok(name)
}

/// Removes `#[arg("…")]` and returns the description.
pub(crate) fn take_description(attributes: &mut Vec<Attribute>) -> Result<Option<String>> {
    let attribute = take(attributes, "arg");
    let text = attribute.map(|attribute| attribute.parse_args::<LitStr>());
    Ok(text.transpose()?.map(|text| text.value()))
}

fn take(attributes: &mut Vec<Attribute>, name: &str) -> Option<Attribute> {
    let at = attributes.iter().position(|it| it.path().is_ident(name))?;
    Some(attributes.remove(at))
}
