//! Expansion of `#[object]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, ImplItem, ItemImpl, Result, Type};

use crate::attribute::{ObjectOptions, documentation};
use crate::field::Field;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: ObjectOptions = syn::parse2(attribute)?;
    let mut block: ItemImpl = syn::parse2(item)?;
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "`#[object]` stands on the block with the fields of a type, not on a trait",
        ));
    }
    let name = match options.name {
        Some(name) => name,
        None => literal(&type_name(&block.self_ty)?),
    };
    let description = match options.description {
        Some(description) => description,
        None => literal(&documentation(&block.attrs)),
    };
    let object = options.of.map_or_else(|| quote!(Self), |of| quote!(#of));
    let mut fields = Vec::new();
    for item in &mut block.items {
        match item {
            ImplItem::Fn(function) => fields.push(Field::take(function)?),
            other => {
                return Err(Error::new_spanned(
                    other,
                    "a block with `#[object]` has fields only: move this to a block of its own",
                ));
            }
        }
    }
    let declarations = fields.iter().map(Field::declaration);
    let resolvers = fields.iter().map(|field| field.resolver(&object));
    let identity = options.identity.map(|identity| {
        quote! {
            fn identity() -> ::core::option::Option<fn(&#object) -> u128> {
                ::core::option::Option::Some(#identity)
            }
        }
    });
    let ty = &block.self_ty;
    let (generics, _, conditions) = block.generics.split_for_impl();
    Ok(quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::ptr_arg,
            clippy::trivially_copy_pass_by_ref,
            clippy::unused_self,
            reason = "every field takes its object by reference and its arguments by value"
        )]
        #block

        impl #generics crate::object::Object for #ty #conditions {
            type Object = #object;
            const NAME: &'static str = #name;
            const DESCRIPTION: &'static str = #description;

            fn declarations() -> ::std::vec::Vec<crate::object::FieldDeclaration> {
                ::std::vec![#(#declarations),*]
            }

            fn resolver(
                selected: crate::object::Selected<'_>,
            ) -> ::core::option::Option<crate::object::FieldResolver<Self::Object>> {
                match selected.name() {
                    #(#resolvers)*
                    _ => ::core::option::Option::None,
                }
            }

            #identity
        }
    })
}

fn literal(text: &str) -> Expr {
    syn::parse_quote!(#text)
}

fn type_name(ty: &Type) -> Result<String> {
    match ty {
        Type::Path(path) => match path.path.segments.last() {
            Some(segment) => Ok(segment.ident.to_string()),
            None => Err(Error::new_spanned(ty, "a type with a name is expected")),
        },
        _ => Err(Error::new_spanned(ty, "a type with a name is expected")),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn error(block: TokenStream) -> String {
        let Err(error) = expand(TokenStream::new(), block) else {
            panic!("the block is expanded");
        };
        error.to_string()
    }

    #[test]
    fn errors_say_what_to_do() {
        let nested = error(quote! {
            impl Article {
                /// The author.
                fn author(&self, context: &ReadContext) -> Nested<'_, Person> { todo() }
            }
        });
        assert!(nested.contains("return their key (`LoadOne`"), "{nested}");
        let pointer = error(quote! {
            impl Article {
                /// The author.
                async fn author(&self) -> Result<Arc<Person>> { todo() }
            }
        });
        assert!(
            pointer.contains("objects are returned as a key"),
            "{pointer}"
        );
        let undocumented = error(quote! {
            impl Article {
                fn headline(&self) -> &str { todo() }
            }
        });
        assert!(
            undocumented.contains("documentation comment"),
            "{undocumented}"
        );
        let without_object = error(quote! {
            impl Article {
                /// The headline.
                fn headline() -> String { todo() }
            }
        });
        assert!(
            without_object.contains("the first parameter"),
            "{without_object}"
        );
        let constant = error(quote! {
            impl Article {
                const MOST: usize = 1;
            }
        });
        assert!(constant.contains("a block of its own"), "{constant}");
        let on_trait = error(quote!(impl Default for Article {}));
        assert!(on_trait.contains("not on a trait"), "{on_trait}");
    }

    #[test]
    fn fields_and_arguments_are_named_in_camel_case() {
        let expanded = expand(
            quote!(of = Row),
            quote! {
                /// An article.
                impl Article {
                    /// The articles to read next.
                    async fn read_next<'a>(
                        article: &'a Row,
                        #[arg("The number of articles.")] max_count: Option<i32>,
                        r#type: Kind,
                    ) -> Result<Option<&'a str>> {
                        todo()
                    }
                }
            },
        );
        let expanded = expanded.expect("the block is valid").to_string();
        for part in [
            "\"readNext\"",
            "\"maxCount\"",
            "\"type\"",
            "\"The number of articles.\"",
        ] {
            assert!(expanded.contains(part), "{part}: {expanded}");
        }
        // The attributes of arguments are not the compiler's, and lifetimes are not declared outside.
        assert!(!expanded.contains("arg ("), "{expanded}");
        assert!(
            expanded.contains("< Option < & '_ str > as crate :: object :: FieldValue >"),
            "{expanded}"
        );
    }
}
