// Chinese texts of drawings, and of things in space.

import { addTexts } from "../i18n.js";

addTexts("zh", {
  "count": "数量", "Save {name}": "保存 {name}", "Figure {text}": "图：{text}",
  "{n} bar": "{n} 个柱", "{n} bars": "{n} 个柱", "{n} point of a line": "线上 {n} 个点", "{n} points of a line": "线上 {n} 个点", "{n} cell": "{n} 格", "{n} cells": "{n} 格",
  "{spec} is not drawn here; this is its table.": "这里画不出 {spec}；下面是它的表格。", "Nothing of this table can be drawn.": "这张表里没有可以画的内容。", "The table cannot be read.": "无法读取这张表。",
  "{n} row is not drawn": "有 {n} 行没有画出", "{n} rows are not drawn": "有 {n} 行没有画出",
  "Download the figure": "下载这张图", "Not drawn here: {kinds}.": "这里画不出：{kinds}。", "The figure is empty.": "这张图是空的。", "The figure cannot be read.": "无法读取这张图。",
  "Show": "显示方式", "as a table": "表格", "as dots": "散点图", "as lines": "折线图", "as bars": "柱状图", "as a histogram": "直方图", "Vertical axis": "纵轴", "One line for each": "按此列分线", "Table": "表格",
  "This file is too large to be drawn here; download it.": "文件太大，无法在这里画出；请下载。", "This kind of file is not drawn here; download it.": "这种文件在这里画不出；请下载。",
  "it is not there any more": "它已不存在", "There is nothing in this file.": "文件里没有内容。", "This file cannot be drawn: {why}.": "无法画出这个文件：{why}。",
  "{label} in space: {what}. Arrow keys turn it, + and − change the size.": "{label} 的三维视图：{what}。方向键旋转，+ 和 − 缩放。",
  "Larger": "放大", "Smaller": "缩小", "{n} atom": "{n} 个原子", "{n} atoms": "{n} 个原子", "{n} face": "{n} 个面", "{n} faces": "{n} 个面", "{n} line": "{n} 条线", "{n} lines": "{n} 条线",
});
