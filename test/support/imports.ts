/** Finds what a source file imports, by the compiler's parser rather than by searching the text. */
import { parse as parseComponent } from 'vue/compiler-sfc';
import ts from 'typescript';

/** The script of a component, or the text itself for any other file. */
function scriptText(file: string, text: string): string {
  if (!file.endsWith('.vue')) return text;
  const { descriptor } = parseComponent(text, { filename: file });
  return [descriptor.script, descriptor.scriptSetup]
    .map((block) => block?.content ?? '')
    .join('\n');
}

/** The specifier when the node imports something: import and export declarations, `import()`, `require()`. */
function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return node.argument.literal;
  if (!ts.isCallExpression(node)) return undefined;
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
  return isImport || isRequire ? node.arguments[0] : undefined;
}

/** All specifiers that a TypeScript or component file imports, types included. */
export function importsOf(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, scriptText(file, text), ts.ScriptTarget.ES2022);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) found.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
