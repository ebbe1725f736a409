//! `#[metered]`: a function becomes a measured function.

mod options;

pub(crate) use options::{Options, parse_options};

use options::Verdict;

use crate::options::{call, library, source, with_error};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Block, Error, Expr, GenericArgument, LitStr, Pat, Path, PathArguments, PathSegment, Result, ReturnType,
    Signature, Stmt, Token, Type, TypeParamBound, TypePath, Visibility,
};

/// A function: everything but its body is parsed, the body stays as it was written.
struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    default: Option<Token![default]>,
    signature: Signature,
    body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let default = if input.peek(Token![default]) { Some(input.parse()?) } else { None };
        let signature: Signature = input.parse().map_err(|error| {
            Error::new(error.span(), format!("{error}; `#[metered]` goes on a function or method (for a struct or an impl block there is `#[metrics]`)"))
        })?;
        if input.peek(Token![;]) {
            return Err(Error::new(
                signature.ident.span(),
                "a function without a body can't be measured; put `#[metered]` on the implementation",
            ));
        }
        let body = body(input)?;
        Ok(Self { attributes, visibility, default, signature, body })
    }
}

/// The body; a `$body:block` of a `macro_rules!` comes in an invisible group.
fn body(input: ParseStream<'_>) -> Result<Group> {
    input.step(|cursor| {
        let mut found = match cursor.token_tree() {
            Some((TokenTree::Group(group), rest)) => (group, rest),
            _ => return Err(cursor.error("expected the body of the function")),
        };
        while found.0.delimiter() == Delimiter::None {
            match found.0.stream().into_iter().next() {
                Some(TokenTree::Group(inner)) => found.0 = inner,
                _ => return Err(cursor.error("expected the body of the function")),
            }
        }
        Ok(found)
    })
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let result = parse_options(options).and_then(|options| {
        if let Some(skip) = &options.skip {
            let text =
                "`skip` is for a method of an `impl` block that has `#[metrics]`; without it, remove the attribute";
            return Err(Error::new(skip.span(), text));
        }
        let mut function: Function = syn::parse2(item.clone())?;
        if let Some(constness) = &function.signature.constness {
            return Err(Error::new_spanned(
                constness,
                "a `const fn` can't be measured: it runs at compile time; remove `const` or `#[metered]`",
            ));
        }
        function.hoist_inner_attributes()?;
        Ok(function.expand(&options))
    });
    result.unwrap_or_else(|error| with_error(&error, item))
}

/// How the function comes to its value.
enum Shape {
    Sync,
    /// Its type is a name that may hide a boxed future; only the value can tell.
    Unknown,
    Async,
    /// It never returns.
    Never,
    /// It returns a closure whose type only the signature tells: `-> impl Fn(&str) -> usize`.
    Closure,
    /// It returns a future that comes to this: `-> impl Future<…>`.
    Future(Type),
    /// It returns a boxed future that comes to this: `-> Pin<Box<dyn Future<…>>>`.
    Boxed(Type),
}

/// Types of so common names that nobody calls a future by them.
const NO_FUTURES: &[&str] = &[
    "Self",
    "Result",
    "Option",
    "String",
    "Vec",
    "Box",
    "Arc",
    "Rc",
    "Cow",
    "bool",
    "char",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "HashMap",
    "BTreeMap",
    "HashSet",
    "BTreeSet",
    "Duration",
    "Instant",
    "SystemTime",
    "PathBuf",
    "Ordering",
];

/// `Future<Output = …> + Send + …`
type Bounds = Punctuated<TypeParamBound, Token![+]>;

impl Function {
    /// `{ #![allow(…)] … }`: the body moves into a closure, so its attributes move to the function.
    fn hoist_inner_attributes(&mut self) -> Result<()> {
        let split = |input: ParseStream<'_>| Ok((input.call(Attribute::parse_inner)?, input.parse::<TokenStream>()?));
        let (inner, rest) = split.parse2(self.body.stream())?;
        self.attributes
            .extend(inner.into_iter().map(|attribute| Attribute { style: syn::AttrStyle::Outer, ..attribute }));
        let mut body = Group::new(self.body.delimiter(), rest);
        body.set_span(self.body.span());
        self.body = body;
        Ok(())
    }

    fn shape(&self) -> Shape {
        if self.signature.asyncness.is_some() {
            return Shape::Async;
        }
        let ReturnType::Type(_, returned) = &self.signature.output else { return Shape::Sync };
        let returned = bare(returned);
        match returned {
            Type::Never(_) => Shape::Never,
            Type::ImplTrait(opaque)
                if bounds_name(&opaque.bounds, &["Fn", "FnMut", "FnOnce", "AsyncFn", "AsyncFnMut", "AsyncFnOnce"]) =>
            {
                Shape::Closure
            }
            Type::ImplTrait(opaque) => future_in(&opaque.bounds).map_or(Shape::Sync, Shape::Future),
            Type::Path(path) => boxed_future(path).map_or_else(
                || match path.path.segments.last() {
                    Some(last) if !NO_FUTURES.iter().any(|name| last.ident == name) => Shape::Unknown,
                    _ => Shape::Sync,
                },
                Shape::Boxed,
            ),
            _ => Shape::Sync,
        }
    }

    /// Whether there is a `Self` whose service can be asked for.
    fn is_method(&self) -> bool {
        self.signature.receiver().is_some() || mentions_self(self.signature.to_token_stream())
    }

    fn expand(&self, options: &Options) -> TokenStream {
        let library = library(options.library.as_ref());
        let action = self.action(options, &library);
        let service = if self.is_method() {
            quote!(__rm::ServiceProbe::<Self>::NEW.__runtime_metrics_service())
        } else {
            quote!(::core::option::Option::None)
        };
        // Nobody's item has this name: a `const` or unit struct called `value` would be a pattern.
        let outcome = options.verdict.as_ref().map_or_else(
            || quote!(|__rm_value| __rm::probe(__rm_value).__runtime_metrics_outcome()),
            |Verdict { error, test }| quote!(|__rm_value| __rm::judge(__rm_value, #test, #error)),
        );
        let body = &self.body;
        let first = Self::first(options, &library);
        // What runs first stands before a body that stays a block of its own, with its own names.
        let inner = not_superfluous(body.stream(), body.span());
        let after_first = if first.is_empty() { body.to_token_stream() } else { quote!({ #first #inner }) };
        // Said, not inferred: which outcome a value tells depends on its type.
        let returned = self.returned().map(|returned| quote!(-> #returned));

        let measured = match self.shape() {
            Shape::Sync => quote!(__rm::sync(#action, #service, move || #returned #after_first, #outcome)),
            Shape::Unknown => quote! {
                __rm::call(#action, #service, move || #returned #after_first).__runtime_metrics_end(#outcome)
            },
            Shape::Never => quote!(__rm::sync(#action, #service, move || -> ! #after_first, |_| __rm::Outcome::Ok)),
            Shape::Closure => quote!(let _rm_call = __rm::begin(#action, #service); #first #inner),
            Shape::Async => {
                let hint = self.hint();
                // A block of its own: the names in the body do not reach the hint.
                let outcome = if self.never_returns() { quote!(|_| __rm::Outcome::Ok) } else { outcome };
                quote!(__rm::future(#action, #service, async move { #hint #first #inner }, #outcome).await)
            }
            Shape::Future(output) => {
                quote!(__rm::returned::<#output, _, _, _>(#action, #service, move || #after_first, #outcome))
            }
            Shape::Boxed(output) => {
                let in_its_box = self.in_its_box(
                    &first,
                    |future| quote!(__rm::future::<#output, _, _>(#action, #service, #future, #outcome)),
                );
                in_its_box.unwrap_or_else(|| {
                    quote!(__rm::call(#action, #service, move || #returned #after_first).__runtime_metrics_end(#outcome))
                })
            }
        };
        let Self { attributes, visibility, default, signature, .. } = self;
        // The braces are the author's: lints on the function then are as without us.
        let mut whole = Group::new(Delimiter::Brace, quote!(use #library::__private as __rm; #measured));
        whole.set_span(body.span());
        quote!(#(#attributes)* #visibility #default #signature #whole)
    }

    fn never_returns(&self) -> bool {
        matches!(&self.signature.output, ReturnType::Type(_, returned) if matches!(bare(returned), Type::Never(_)))
    }

    /// A body that is `Box::pin(async move { … })`, as `#[async_trait]` writes it, takes the measured
    /// future into the same box.
    fn in_its_box(&self, first: &TokenStream, measure: impl Fn(TokenStream) -> TokenStream) -> Option<TokenStream> {
        let Block { stmts, .. } = syn::parse2(self.body.to_token_stream()).ok()?;
        let [Stmt::Expr(Expr::Call(call), None)] = &*stmts else { return None };
        let (pin, arguments) = (&call.func, &call.args);
        let pins = matches!(&**pin, Expr::Path(path) if path.path.segments.last()?.ident == "pin");
        let (true, 1, Some(Expr::Async(future))) = (pins, arguments.len(), arguments.first()) else { return None };
        let capture = &future.capture;
        // `#[async_trait]` takes the arguments apart before the author's body, which labels look at.
        let arguments_last = if self.is_async_trait() {
            future.block.stmts.iter().take_while(|statement| unpacks_argument(statement)).count()
        } else {
            0
        };
        let (arguments, rest) = future.block.stmts.split_at(arguments_last);
        let first = if arguments.iter().any(|statement| binds(statement, "__self")) {
            replace_self(first.clone())
        } else {
            first.clone()
        };
        let rest = not_superfluous(quote!(#(#rest)*), self.body.span());
        let measured = measure(quote!(async #capture { #(#arguments)* #first #rest }));
        Some(quote!(#pin(#measured)))
    }

    fn is_async_trait(&self) -> bool {
        self.signature.generics.lifetimes().any(|parameter| parameter.lifetime.ident == "async_trait")
    }

    /// What runs before the body, while the arguments are still all there.
    fn first(options: &Options, library: &TokenStream) -> TokenStream {
        let place = quote!(::core::concat!(::core::file!(), ":", ::core::line!()));
        let labels = options
            .labels
            .iter()
            .flat_map(|labels| &labels.given)
            .map(|(name, value)| quote_spanned!(value.span()=> __rm::add_label(#name, &(#value), #place);));
        let emitted = options.emitted_at.as_ref().zip(options.event.as_ref()).map(|(emitted_at, event)| {
            let source = source(&quote!(__rm));
            let prefix = options.prefix.as_ref().map(LitStr::value).unwrap_or_default();
            let name = format!("{prefix}event_latency_seconds");
            quote! {{
                static SITE: __rm::Site = __rm::Site::new(__rm::Kind::Histogram, #name, #source)
                    .help("From the emission of an event to its processing.").unit("seconds").labels(&[("event", #event)]);
                #library::__submit!(Metric, SITE);
                __rm::observe(&SITE, __rm::EmittedAt::age(&(#emitted_at)));
            }}
        });
        quote!(#(#labels)* #emitted)
    }

    /// The static that stands for this function, and a reference to it.
    fn action(&self, options: &Options, library: &TokenStream) -> TokenStream {
        let function = LitStr::new(&self.signature.ident.unraw().to_string(), self.signature.ident.span());
        let name = call("name", options.name.as_ref());
        let prefix = call("prefix", options.prefix.as_ref());
        let event = call("event", options.event.as_ref());
        let service = call("service", options.service.as_ref());
        let method = self.is_method().then(|| quote!(.method()));
        let buckets = options.buckets.as_ref().map(|buckets| buckets.call(library)).unwrap_or_default();
        let future =
            matches!(self.shape(), Shape::Async | Shape::Future(_) | Shape::Boxed(_)).then(|| quote!(.future()));
        let span = options.span.as_ref().map(|_| quote!(.span()));
        let timed = match &options.sample {
            _ if !options.is_timed() => Some(quote!(.sample(0))),
            Some(every) => Some(quote!(.sample(#every))),
            None => None,
        };
        let labels = options.labels.as_ref();
        let keys = labels.filter(|labels| !labels.keys.is_empty()).map(|labels| {
            let keys = &labels.keys;
            quote!(.keys(&[#(#keys),*]))
        });
        let constant = labels.filter(|labels| !labels.constant.is_empty()).map(|labels| {
            let pairs = labels.constant.iter().map(|(name, value)| quote!((#name, #value)));
            quote!(.labels(&[#(#pairs),*]))
        });
        quote! {{
            static ACTION: __rm::Action =
                __rm::Action::new(#function, ::core::module_path!(), ::core::file!(), ::core::line!()) #name #prefix #event #service #method #future #span #buckets #timed #constant #keys;
            #library::__submit!(Action, ACTION);
            &ACTION
        }}
    }

    /// The type that the body returns, as far as it can be named in the body.
    fn returned(&self) -> Option<Type> {
        match &self.signature.output {
            ReturnType::Default => Some(Type::Verbatim(quote!(()))),
            ReturnType::Type(_, returned) if matches!(**returned, Type::ImplTrait(_)) => None,
            ReturnType::Type(_, returned) => {
                let mut returned = (**returned).clone();
                erase_impl(&mut returned);
                Some(returned)
            }
        }
    }

    /// Tells the compiler what an async body returns; it does not look outside for that.
    fn hint(&self) -> Option<TokenStream> {
        let returned = self.returned().filter(|_| !self.never_returns())?;
        Some(quote! {
            if let ::core::option::Option::Some(__rm_value) = __rm::hint::<#returned>() {
                return __rm_value;
            }
        })
    }
}

/// A block whose braces are not the author's, so that nobody takes them for superfluous.
fn not_superfluous(statements: TokenStream, place: Span) -> Group {
    let mut block = Group::new(Delimiter::Brace, statements);
    block.set_span(Span::call_site().located_at(place));
    block
}

/// Whether a statement is one of those that `#[async_trait]` puts before a body: the hint about its
/// type, `let mut __self = self;`, and `let pattern = { let __arg1 = __arg1; __arg1 };`.
fn unpacks_argument(statement: &Stmt) -> bool {
    match statement {
        Stmt::Local(local) if !matches!(local.pat, Pat::Type(_)) => {
            local.init.as_ref().is_some_and(|init| matches!(&*init.expr, Expr::Path(_) | Expr::Block(_)))
        }
        Stmt::Expr(Expr::If(hint), _) => matches!(&*hint.cond, Expr::Let(_)),
        _ => false,
    }
}

fn binds(statement: &Stmt, name: &str) -> bool {
    matches!(statement, Stmt::Local(local) if matches!(&local.pat, Pat::Ident(pattern) if pattern.ident == name))
}

/// `#[async_trait]` moves `self` to `__self`.
fn replace_self(tokens: TokenStream) -> TokenStream {
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) if ident == "self" => TokenTree::Ident(Ident::new("__self", ident.span())),
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), replace_self(group.stream()));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        token => token,
    });
    replaced.collect()
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}

/// A type without the invisible groups that a `macro_rules!` puts around its `$t:ty`.
fn bare(kind: &Type) -> &Type {
    match kind {
        Type::Group(inner) => bare(&inner.elem),
        Type::Paren(inner) => bare(&inner.elem),
        other => other,
    }
}

fn bounds_name(bounds: &Bounds, names: &[&str]) -> bool {
    segments(bounds).any(|last| names.iter().any(|name| last.ident == name))
}

/// The last segment of each trait among the bounds.
fn segments(bounds: &Bounds) -> impl Iterator<Item = &PathSegment> {
    bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    })
}

/// What the future among the bounds comes to, as far as it can be named in the body.
fn future_in(bounds: &Bounds) -> Option<Type> {
    let future = segments(bounds).find(|last| last.ident == "Future")?;
    let named = match &future.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
            _ => None,
        }),
        _ => None,
    };
    let mut output = named.unwrap_or_else(|| Type::Verbatim(quote!(_)));
    erase_impl(&mut output);
    Some(output)
}

/// What a `Pin<Box<dyn Future<…>>>` comes to, however it is qualified.
fn boxed_future(path: &TypePath) -> Option<Type> {
    let Type::Path(boxed) = bare(argument_of(&path.path, "Pin")?) else { return None };
    match bare(argument_of(&boxed.path, "Box")?) {
        Type::TraitObject(object) => future_in(&object.bounds),
        _ => None,
    }
}

/// The first type argument of a path that ends in `name`.
fn argument_of<'a>(path: &'a Path, name: &str) -> Option<&'a Type> {
    let last = path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    })
}

/// `impl Trait` can't be named inside the body; `_` stands for it.
fn erase_impl(kind: &mut Type) {
    match kind {
        Type::ImplTrait(_) => *kind = Type::Verbatim(quote!(_)),
        Type::Reference(inner) => erase_impl(&mut inner.elem),
        Type::Paren(inner) => erase_impl(&mut inner.elem),
        Type::Group(inner) => erase_impl(&mut inner.elem),
        Type::Array(inner) => erase_impl(&mut inner.elem),
        Type::Slice(inner) => erase_impl(&mut inner.elem),
        Type::TraitObject(object) => {
            for bound in &mut object.bounds {
                if let TypeParamBound::Trait(bound) = bound {
                    erase_impl_in(&mut bound.path);
                }
            }
        }
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(erase_impl),
        Type::Path(path) => erase_impl_in(&mut path.path),
        _ => {}
    }
}

fn erase_impl_in(path: &mut Path) {
    for segment in &mut path.segments {
        if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
            for argument in &mut arguments.args {
                match argument {
                    GenericArgument::Type(argument) => erase_impl(argument),
                    GenericArgument::AssocType(argument) => erase_impl(&mut argument.ty),
                    _ => {}
                }
            }
        }
    }
}
