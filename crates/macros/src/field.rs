//! The fields of an object type, each of which is a function.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut;
use syn::{
    Error, FnArg, GenericArgument, Ident, ImplItemFn, Lifetime, Pat, PatType, PathArguments,
    Result, ReturnType, Type,
};

use crate::attribute::{documentation, take_description, take_name};

/// A field.
pub(crate) struct Field {
    /// The function.
    function: Ident,
    name: String,
    description: String,
    parameters: Vec<Parameter>,
    is_async: bool,
    /// Whether the function returns a `Result`.
    is_fallible: bool,
    /// The type of what the function returns, without `Result`.
    output: Type,
    kind: Kind,
}

/// A parameter of a field after the object.
enum Parameter {
    /// The context of the request.
    Context,
    /// The related objects that the query selects below the field.
    Includes,
    /// The four arguments of a connection.
    Page,
    Argument {
        name: String,
        description: Option<String>,
        ty: Box<Type>,
    },
}

/// The way in which a field is resolved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A scalar, an enum or a list of them.
    Value,
    /// Objects that are loaded, made or found.
    Objects,
    /// An object that is part of the parent.
    Nested,
    /// Objects that are part of the parent.
    NestedList,
}

impl Field {
    /// Reads a field, and removes the attributes that are meant for it.
    pub(crate) fn take(function: &mut ImplItemFn) -> Result<Self> {
        let name = take_name(&mut function.attrs)?;
        let signature = &mut function.sig;
        let ReturnType::Type(_, returned) = &signature.output else {
            return Err(Error::new(
                signature.span(),
                "a field has a value: say of which type",
            ));
        };
        let (mut output, is_fallible) = match single_argument(returned, "Result") {
            Some(output) => (output, true),
            None => ((**returned).clone(), false),
        };
        // The type is named outside of the function, where its lifetimes are not declared.
        ElideLifetimes.visit_type_mut(&mut output);
        let mut inputs = signature.inputs.iter_mut();
        match inputs.next() {
            Some(FnArg::Receiver(receiver)) if receiver.reference.is_some() => {}
            Some(FnArg::Typed(object)) if matches!(*object.ty, Type::Reference(_)) => {}
            _ => {
                return Err(Error::new(
                    signature.ident.span(),
                    "the first parameter of a field is its object: `&self`, or a reference",
                ));
            }
        }
        let mut parameters = Vec::new();
        for input in inputs {
            match input {
                FnArg::Typed(parameter) => parameters.push(Parameter::take(parameter)?),
                FnArg::Receiver(_) => unreachable!("a receiver comes first"),
            }
        }
        let field = Self {
            name: name.unwrap_or_else(|| camel_case(&signature.ident)),
            description: documentation(&function.attrs),
            parameters,
            is_async: signature.asyncness.is_some(),
            is_fallible,
            kind: Kind::of(&output),
            output,
            function: signature.ident.clone(),
        };
        field.check()?;
        Ok(field)
    }

    fn check(&self) -> Result<()> {
        let is_nested = matches!(self.kind, Kind::Nested | Kind::NestedList);
        if is_nested && (self.is_async || self.is_fallible || !self.parameters.is_empty()) {
            return Err(Error::new(
                self.function.span(),
                "nested objects are part of their parent: the field takes its object only, and cannot fail. \
                 To load objects, return their key (`LoadOne`, `LoadMany`, `LoadPage`)",
            ));
        }
        if self.description.is_empty() {
            return Err(Error::new(
                self.function.span(),
                "a field has a documentation comment, which is published in the schema",
            ));
        }
        let is_pointer = last_segment(&self.output).is_some_and(|it| it == "Arc" || it == "Box");
        if is_pointer {
            return Err(Error::new(
                self.output.span(),
                "objects are returned as a key (`LoadOne`, `LoadMany`, `LoadPage`) or as `Owned` or `Shared`",
            ));
        }
        Ok(())
    }

    /// The declaration of the field for the schema.
    pub(crate) fn declaration(&self) -> TokenStream {
        let (name, description, output) = (&self.name, &self.description, &self.output);
        let arguments = self.parameters.iter().map(|parameter| match parameter {
            Parameter::Context | Parameter::Includes => quote!(),
            Parameter::Page => quote!(arguments.extend(crate::object::page_arguments());),
            Parameter::Argument {
                name,
                description,
                ty,
            } => {
                let description = description.as_ref().map_or_else(
                    || quote!(::core::option::Option::None),
                    |text| quote!(::core::option::Option::Some(#text)),
                );
                quote! {
                    arguments.push(crate::object::ArgumentDeclaration {
                        name: #name,
                        description: #description,
                        type_info: <#ty as ::async_graphql::InputType>::create_type_info,
                    });
                }
            }
        });
        let type_info = match self.kind {
            Kind::Value => {
                quote!(<#output as crate::object::FieldValue>::type_info(registry))
            }
            Kind::Objects | Kind::Nested | Kind::NestedList => {
                quote!(<#output as crate::object::FieldObjects>::type_info(registry))
            }
        };
        quote! {
            crate::object::FieldDeclaration {
                name: #name,
                description: #description,
                arguments: {
                    #[allow(unused_mut, reason = "a field may have no arguments")]
                    let mut arguments: ::std::vec::Vec<crate::object::ArgumentDeclaration> =
                        ::std::vec::Vec::new();
                    #(#arguments)*
                    arguments
                },
                type_info: |registry| #type_info,
            }
        }
    }

    /// The arm of the match that returns the resolver of the field. `object` is the type of the objects.
    pub(crate) fn resolver(&self, object: &TokenStream) -> TokenStream {
        let name = &self.name;
        let resolver = match self.kind {
            Kind::Value if !self.is_async => self.value(object),
            Kind::Value => {
                let call_each = self.call_each();
                quote!(::core::option::Option::Some(crate::object::async_value(#call_each)))
            }
            Kind::Objects => {
                let (call_each, output) = (self.call_each(), &self.output);
                quote!(<#output as crate::object::ObjectsOf<#object>>::resolver(selected, #call_each))
            }
            Kind::Nested => {
                let (function, ty) = (&self.function, last_argument(&self.output));
                quote! {
                    crate::object::nested::<#ty, _>(selected, |object| {
                        Self::#function(object).optional().0
                    })
                }
            }
            Kind::NestedList => {
                let (function, ty) = (&self.function, last_argument(&self.output));
                quote! {
                    crate::object::nested_list::<#ty, _>(selected, |object, each| {
                        Self::#function(object).for_each(each);
                    })
                }
            }
        };
        let arguments = self
            .has_arguments()
            .then(|| quote!(let arguments = crate::object::Arguments::of(selected);));
        let mut parameters = self.parameters.iter();
        let includes = parameters
            .any(|parameter| matches!(parameter, Parameter::Includes))
            .then(|| quote!(let includes = selected.includes();));
        quote! {
            #name => {
                #arguments
                #includes
                #resolver
            }
        }
    }

    fn has_arguments(&self) -> bool {
        let mut parameters = self.parameters.iter();
        parameters
            .any(|parameter| matches!(parameter, Parameter::Page | Parameter::Argument { .. }))
    }

    /// The names under which the arguments are passed on, and the expressions that parse them.
    fn parsed(&self) -> (Vec<Ident>, Vec<TokenStream>) {
        let mut names = Vec::new();
        let mut parsed = Vec::new();
        for parameter in &self.parameters {
            match parameter {
                Parameter::Context | Parameter::Includes => continue,
                Parameter::Page => parsed.push(quote!(arguments.page(context)?)),
                Parameter::Argument { name, ty, .. } => {
                    parsed.push(quote!(arguments.get::<#ty>(context, #name)?));
                }
            }
            names.push(format_ident!("argument_{}", names.len()));
        }
        (names, parsed)
    }

    /// The call of the function, whose result is a `Result`.
    fn call(&self) -> TokenStream {
        let call = self.plain_call();
        if self.is_fallible {
            call
        } else {
            quote!(crate::error::Result::Ok(#call))
        }
    }

    fn plain_call(&self) -> TokenStream {
        let mut number = 0_usize;
        let passed = self.parameters.iter().map(|parameter| {
            match parameter {
                Parameter::Context => return quote!(context),
                Parameter::Includes => return quote!(includes),
                Parameter::Page | Parameter::Argument { .. } => {}
            }
            let argument = format_ident!("argument_{}", number);
            number += 1;
            quote!(#argument)
        });
        let function = &self.function;
        let call = quote!(Self::#function(object, #(#passed),*));
        if self.is_async {
            quote!(#call.await)
        } else {
            call
        }
    }

    /// The resolver of a value that is known at once.
    fn value(&self, object: &TokenStream) -> TokenStream {
        let (names, parsed) = self.parsed();
        let value = if self.is_fallible {
            let call = self.call();
            quote!(#call?)
        } else {
            self.plain_call()
        };
        quote! {
            ::core::option::Option::Some(crate::object::value(move |object: &#object, context, text| {
                let _ = context;
                #(let #names = #parsed;)*
                crate::object::FieldValue::write(&#value, text);
                ::core::result::Result::Ok(())
            }))
        }
    }

    /// The function that calls the field for all objects of a level.
    fn call_each(&self) -> TokenStream {
        let (names, parsed) = self.parsed();
        let call = self.call();
        let (parse, unpack) = if self.has_arguments() {
            (
                quote!(let parsed = (|| -> crate::error::Result<_> { Ok((#(#parsed,)*)) })();),
                quote!(let (#(#names,)*) = ::core::clone::Clone::clone(&parsed)?;),
            )
        } else {
            (quote!(), quote!())
        };
        let body = if self.is_async {
            let unpack = if self.has_arguments() {
                quote!(let (#(#names,)*) = parsed?;)
            } else {
                quote!()
            };
            let share = self
                .has_arguments()
                .then(|| quote!(let parsed = ::core::clone::Clone::clone(&parsed);));
            quote! {
                ::std::boxed::Box::pin(::futures::future::join_all(objects.iter().map(
                    move |&object| {
                        #share
                        async move {
                            #unpack
                            #call
                        }
                    },
                )))
            }
        } else {
            quote! {
                let each = objects.iter().map(|&object| {
                    #unpack
                    #call
                });
                let each: ::std::vec::Vec<_> = each.collect();
                ::std::boxed::Box::pin(::core::future::ready(each))
            }
        };
        quote! {
            ::std::boxed::Box::new(move |context, objects| {
                let _ = context;
                #parse
                #body
            })
        }
    }
}

impl Parameter {
    fn take(parameter: &mut PatType) -> Result<Self> {
        let description = take_description(&mut parameter.attrs)?;
        if matches!(*parameter.ty, Type::Reference(_)) {
            return Ok(Self::Context);
        }
        match last_segment(&parameter.ty) {
            Some(ident) if ident == "Page" => return Ok(Self::Page),
            Some(ident) if ident == "Includes" => return Ok(Self::Includes),
            _ => {}
        }
        let Pat::Ident(pattern) = &*parameter.pat else {
            return Err(Error::new(parameter.pat.span(), "an argument has a name"));
        };
        Ok(Self::Argument {
            name: camel_case(&pattern.ident),
            description,
            ty: parameter.ty.clone(),
        })
    }
}

impl Kind {
    fn of(output: &Type) -> Self {
        let name = last_segment(output).map(ToString::to_string);
        match name.as_deref() {
            Some("Nested" | "NestedOption") => Self::Nested,
            Some("NestedList") => Self::NestedList,
            Some("Shared" | "Nullable") => Self::Objects,
            Some(name) if name.starts_with("Load") || name.starts_with("Owned") => Self::Objects,
            _ => Self::Value,
        }
    }
}

/// Replaces lifetimes with `'_`.
struct ElideLifetimes;

impl VisitMut for ElideLifetimes {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        lifetime.ident = Ident::new("_", lifetime.ident.span());
    }
}

fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// Returns the first type argument, if the type has this name.
fn single_argument(ty: &Type, name: &str) -> Option<Type> {
    let Type::Path(path) = ty else {
        return None;
    };
    let segment = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(argument)) if segment.ident == name => Some(argument.clone()),
        _ => None,
    }
}

/// Returns the last type argument.
fn last_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else {
        return None;
    };
    match &path.path.segments.last()?.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.last()? {
            GenericArgument::Type(argument) => Some(argument),
            _ => None,
        },
        _ => None,
    }
}

fn camel_case(ident: &Ident) -> String {
    let mut name = String::new();
    let mut is_next_upper = false;
    for character in ident.unraw().to_string().chars() {
        match character {
            '_' => is_next_upper = !name.is_empty(),
            other if is_next_upper => {
                name.extend(other.to_uppercase());
                is_next_upper = false;
            }
            other => name.push(other),
        }
    }
    name
}
